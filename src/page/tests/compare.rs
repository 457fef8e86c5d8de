//! Two answers beside each other: blind, rated, told of afterwards, and kept as lines to learn from.

use serde_json::{Value, json};

use super::*;

/// Serves at once, so that its answers may be rated.
fn serving(server: &Server) {
    compared(server, 400);
    let view = server.ledger.view(&shop()).unwrap();
    assert!(view.state.is_serving(), "{view:?}");
}

/// Requests that both have answered.
fn answered_by_both(server: &Server, count: u128) {
    let answer = |said: &str| {
        json!({"object": "chat.completion", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": said}}]})
        .to_string()
    };
    for id in 1..=count {
        let asked = format!("question {id}");
        let body = json!({"model": "m", "messages": [{"role": "user", "content": asked}]}).to_string();
        let source = Source::Student(VersionId::new("1-a").unwrap());
        let student =
            Exchange { request: body.clone(), response: answer("well, 12 coins"), source, ..exchange(id, "") };
        let teacher = Exchange { request: body, response: answer("well, 15 coins"), ..exchange(100 + id, "") };
        server.captures.append(vec![student, teacher]).unwrap();
    }
}

/// The hidden fields of the pair that is shown, and whether the student's stands left.
async fn shown(server: &mut Server) -> (String, bool) {
    let (_, text) = server.get("/compare/shop").await;
    let hidden = |name: &str| {
        text.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let place = |word: &str| text.find(&format!("<mark>{word}</mark>")).unwrap_or_else(|| panic!("{word}: {text}"));
    (format!("request={}&version={}", hidden("request"), hidden("version")), place("12") < place("15"))
}

#[tokio::test]
async fn two_answers_are_compared_blind_and_the_students_verdict_is_a_rating() {
    let mut server = server().await;
    assert!(server.get("/compare/shop").await.1.contains("nothing to compare"));
    serving(&server);
    answered_by_both(&server, 6);
    let (mut left, mut good) = (0, 0);
    for rated in 0..6 {
        assert!(server.get("/compare/shop").await.1.contains(&format!("{} to compare", 6 - rated)));
        let (hidden, student_left) = shown(&mut server).await;
        left += usize::from(student_left);
        // Whatever the order is, this person likes the student's, and in the last round neither.
        let choice = match (rated, student_left) {
            (5, _) => "n",
            (_, true) => "l",
            (_, false) => "r",
        };
        good += u64::from(rated < 5);
        let fields = format!("{hidden}&choice={choice}&reason=voice");
        let back = server.form("/compare/shop", &fields).await;
        assert_eq!(back.status(), StatusCode::SEE_OTHER);
        let next = back.headers()[header::LOCATION].to_str().unwrap().to_owned();
        let told =
            if rated < 5 { "the student's was good, the teacher's not good" } else { "the student's was not good" };
        assert!(server.get(&next).await.1.replace("&#39;", "'").contains(told), "what was hidden is told afterwards");
        assert_eq!(server.form("/compare/shop", &fields).await.status(), StatusCode::CONFLICT, "rated already");
    }
    let view = server.ledger.view(&shop()).unwrap();
    assert_eq!((view.rated_good, view.rated_bad), (good, 1));
    let log = server.get("/log").await.1.replace("&#39;", "'");
    assert!(log.contains("voice; compared blind; the teacher's was bad"), "{log}");
    assert!(left <= 6, "the order is the coin's");
    assert!(server.get("/compare/shop").await.1.contains("nothing to compare"));
    assert_eq!(server.form("/compare/shop", "request=x&version=1-a&choice=9").await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_people_said_is_kept_as_lines_to_learn_from() {
    let mut server = server().await;
    serving(&server);
    answered_by_both(&server, 3);
    // The teacher's is better; a tie that points decide for the student; a tie.
    let points = |side: &str, points: u8| {
        ["fun", "structure", "adherence"].map(|field| format!("&{side}_{field}={points}")).concat()
    };
    for round in 0..3 {
        let (hidden, student_left) = shown(&mut server).await;
        let (student, teacher) = if student_left { ("left", "right") } else { ("right", "left") };
        let said = match (round, student_left) {
            (0, true) => "&choice=r".to_owned(),
            (0, false) => "&choice=l".to_owned(),
            (1, _) => format!("&choice=t{}{}", points(student, 5), points(teacher, 2)),
            _ => "&choice=t&left_fun=9".to_owned(),
        };
        assert_eq!(server.form("/compare/shop", &(hidden + &said)).await.status(), StatusCode::SEE_OTHER);
    }
    let log = server.get("/log").await.1.replace("&#39;", "'");
    assert!(log.contains("the teacher's was good; student's 5, 5, 5 of 5; teacher's 2, 2, 2 of 5"), "{log}");
    let lines = |text: &str| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let (status, text) = server.get("/sites/shop/labels?form=preference").await;
    assert_eq!(status, StatusCode::OK);
    let pairs = lines(&text);
    let chosen: Vec<&str> = pairs.iter().map(|pair| pair["chosen"][0]["content"].as_str().unwrap()).collect();
    assert_eq!(chosen, ["well, 15 coins", "well, 12 coins"], "a tie says nothing");
    assert_eq!(pairs[0]["rejected"][0], json!({"role": "assistant", "content": "well, 12 coins"}));
    assert_eq!(pairs[0]["prompt"][0]["role"], "user");
    let labels = lines(&server.get("/sites/shop/labels?form=kto").await.1);
    let count = |label: bool| labels.iter().filter(|line| line["label"] == label).count();
    assert_eq!((labels.len(), count(true), count(false)), (6, 5, 1));
    // The texts are the log's: what is erased there is gone here.
    let erase = Erase { subject: capture::Subject::Site(shop()), before_ms: None, set_aside: false };
    server.captures.erase(&erase, &SiteId::clone).unwrap();
    assert_eq!(server.get("/sites/shop/labels?form=kto").await.1, "");
    assert_eq!(server.get("/sites/nobody/labels?form=kto").await.0, StatusCode::NOT_FOUND);
}
