//! What the views say of a site's traffic, its teacher, its configuration and its exchanges.

use telemetry::Answered;

use super::*;

#[tokio::test]
async fn a_card_says_who_answered_how_long_it_took_and_how_the_site_was_told() {
    let mut server = server().await;
    compared(&server, 3);
    assert!(!server.get("/").await.1.contains("last hour"), "nobody has asked");
    let note =
        |answered, seconds| server.metrics.traffic().note(("shop", "header", "gpt-5-mini"), answered, seconds, 7);
    (0..6).for_each(|_| note(Answered::Student, 0.2));
    (0..3).for_each(|_| note(Answered::Teacher, 2.0));
    note(Answered::Escalated, 3.0);
    let (_, text) = server.get("/").await;
    let shown = |label: &str| {
        let after = text.split(&format!("<dt>{label}</dt><dd>")).nth(1).unwrap_or_else(|| panic!("{label}: {text}"));
        after.split("</dd>").next().unwrap().to_owned()
    };
    assert_eq!(shown("requests, last hour"), "10");
    assert_eq!(shown("recognised by"), "header (10)");
    assert!(shown("teacher p50 / p95").ends_with(" s") && shown("student p50 / p95").contains("ms"), "{text}");
    assert_eq!(shown("its price"), "$1 in, $2 out, a million tokens");
    assert!(
        text.contains("teacher 30 %") && text.contains("escalated 10 %") && text.contains("student 60 %"),
        "{text}"
    );
    assert!(!text.contains("saved"), "no student has answered");
    server.metrics.tokens_total("shop", "student", "input").inc_by(70);
    server.metrics.saved_usd("shop").set(0.5);
    server.metrics.saved_seconds("shop").set(-3.0);
    let (_, text) = server.get("/").await;
    assert!(text.contains("answered 70 tokens") && text.contains("$0.5000 saved, 3.0 s of waiting more"), "{text}");
}

#[tokio::test]
async fn the_teacher_the_configuration_and_the_runs_have_views() {
    let mut server = server().await;
    let (_, text) = server.get("/teacher").await;
    assert!(
        text.contains("http://127.0.0.1:9/v1") && text.contains("It is asked.") && text.contains("answered every"),
        "{text}"
    );
    server.metrics.teacher_errors_total("shop", "rate_limited").inc_by(4);
    server.metrics.teacher_spent_usd("shop", "audit").set(1.5);
    server.metrics.traffic().note(("shop", "path", "gpt-5-mini"), Answered::Teacher, 1.0, 7);
    let (_, text) = server.get("/teacher").await;
    assert!(
        text.contains("<td>rate_limited</td><td>4</td>") && text.contains("paid for audit</dt><dd>$1.50"),
        "{text}"
    );
    assert!(text.contains("gpt-5-mini") && text.contains("<td>$1</td><td>$2</td>"), "{text}");
    assert!(!text.contains("still lets be asked"), "no answer has said: {text}");
    let (_, text) = server.get("/teacher/check").await;
    assert!(text.contains("<td>warn</td>") && text.contains("ends on 2026-12-24"), "{text}");
    assert!(text.contains("choose what follows it") && !text.contains("<script>alert"), "{text}");
    let (_, text) = server.get("/configuration").await;
    let (said, defaults) = text.split_once("Defaults").unwrap();
    assert!(said.contains("proxy.listen") && defaults.contains("proxy.threads"), "{text}");
    let (_, text) = server.get("/generated").await;
    assert!(
        text.contains("7 kept, 3 dropped") && text.contains("novelty") && text.contains("&lt;script&gt;"),
        "{text}"
    );
}

#[tokio::test]
async fn exchanges_are_searched_by_time_status_and_who_answered_and_kept_as_a_file() {
    let mut server = server().await;
    let at = |minute: u64| 1_764_511_509_000 + minute * 60_000;
    let id = |minute: u64| Uuid::from_u128(u128::from(at(minute)) << 80 | u128::from(minute));
    let made = |minute, said: &str| Exchange { at_ms: at(minute), ..exchange(id(minute).as_u128(), said) };
    let student = Source::Student(VersionId::new("1-a").unwrap());
    let all = vec![
        made(0, "first"),
        Exchange { status: 500, ..made(10, "second") },
        Exchange { source: student, ..made(20, "third") },
        Exchange { complete: false, ..made(30, "fourth") },
    ];
    server.captures.append(all).unwrap();
    for (query, wanted) in [
        ("", "first second third fourth"),
        ("status=bad", "second"),
        ("status=cut", "fourth"),
        ("status=ok", "first third fourth"),
        ("source=student", "third"),
        ("source=made", ""),
        ("from=2025-11-30T14:10", "second third fourth"),
        ("from=2025-11-30T14:10&to=2025-11-30T14:30", "second third"),
        ("site=nobody", ""),
    ] {
        let (status, text) = server.get(&format!("/captures?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}");
        let (_, file) = server.get(&format!("/captures/export?{query}")).await;
        for said in ["first", "second", "third", "fourth"] {
            let fits = wanted.contains(said);
            assert_eq!(text.contains(&format!("answer to {said}")), fits, "{query}: {said}");
            assert_eq!(file.contains(&format!("answer to {said}")), fits, "{query}: {said}, in the file");
        }
        let lines: Result<Vec<Exchange>, _> = file.lines().map(serde_json::from_str).collect();
        assert_eq!(lines.unwrap().len(), wanted.split_whitespace().count(), "{query}");
    }
    assert_eq!(server.get("/captures?from=noon").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn every_lesson_of_a_site_is_told_with_what_became_of_it() {
    let mut server = server().await;
    assert!(server.get("/lessons/shop").await.1.contains("None yet."));
    let folder = server.dir.path().join("lessons/shop");
    let first = Uuid::from_u128(1_764_511_509_000 << 80);
    let lineage = format!(
        r#"{{"site": "shop", "teacher": "t", "first": "{first}", "last": "{first}", "seen": 9, "train": 7, "held_out": 2,
        "left_out": {{"repeated": 3}}, "hash": "0123456789abcdef0123"}}"#
    );
    let hostile = serde_json::json!({"version": null, "exam": null, "problem": HOSTILE}).to_string();
    for (number, name, text) in [
        ("1", "outcome.json", hostile.as_str()),
        ("2", "outcome.json", r#"{"version": "2-b", "exam": 0.875, "problem": null}"#),
        ("2", "curriculum/lineage.json", lineage.as_str()),
        ("10", "outcome.json", r#"{"version": null, "exam": 0.5, "problem": null}"#),
        ("11", "begun.json", r#"{"after_ms": null}"#),
        ("12", "outcome.json", "{"),
    ] {
        let path = folder.join(number).join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let (_, text) = server.get("/lessons/shop").await;
    let rows: Vec<&str> = text.split("<tr>").skip(2).collect();
    assert_eq!(rows.len(), 4, "one cannot be read: {text}");
    for (row, says) in rows.iter().zip(["<td>11</td>", "<td>10</td>", "<td>2</td>", "<td>1</td>"]) {
        assert!(row.starts_with(says), "{row}");
    }
    assert!(
        rows[0].contains("under way") && rows[1].contains("failed its exam") && rows[1].contains("0.500"),
        "{text}"
    );
    assert!(
        rows[2].contains("<code>2-b</code>") && rows[2].contains("0.875") && rows[2].contains("<td>7</td>"),
        "{text}"
    );
    assert!(rows[2].contains("2025-11-30 14:05") && rows[3].contains("&lt;script&gt;"), "{text}");
    assert!(folder.join("12/outcome.json").is_file(), "looking changes nothing");
    assert_eq!(server.get("/lessons/nobody").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_lesson_that_does_not_run_cannot_be_cancelled() {
    let mut server = server().await;
    assert_eq!(server.form("/lessons/shop/cancel", "reason=x").await.status(), StatusCode::CONFLICT);
}
