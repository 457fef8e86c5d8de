use super::*;

fn tried(rank: u32, loss: Option<f64>, exact: f64) -> Tried {
    Tried {
        rank,
        alpha: 2.0,
        learning_rate: 0.0002,
        adapter: "/a".into(),
        steps: loss.map(|_| 9),
        kept: loss.map(|_| 5),
        held_out_loss: loss,
        held_out_exact: loss.map(|_| exact),
        seconds: loss.map(|_| 1.25),
        problem: loss.is_none().then(|| "the loss is NaN at step 3".to_owned()),
    }
}

#[test]
fn the_best_is_the_lowest_held_out_loss_and_never_one_that_failed() {
    let runs = [tried(1, None, 0.0), tried(2, Some(0.5), 0.1), tried(4, Some(0.4), 0.1), tried(8, Some(0.4), 0.2)];
    assert_eq!(best(&runs), Some(3), "among equals more exact replies");
    assert_eq!(best(&runs[..3]), Some(2));
    assert_eq!((best(&runs[..1]), best(&[tried(1, Some(f64::NAN), 1.0)])), (None, None));
}

#[test]
fn the_table_says_what_was_found_and_what_failed() {
    let lines = table(&[tried(16, Some(0.5), 0.25), tried(8, None, 0.0)]);
    let words: Vec<Vec<&str>> = lines.iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], HEAD);
    assert_eq!(words[1], ["16", "0.0002", "0.5000", "0.25", "5", "9", "1.2", "best"]);
    assert!(lines[2].ends_with("failed: the loss is NaN at step 3"), "{}", lines[2]);
    assert_eq!(
        lines[1].find("0.5000").map(|at| at + 6),
        lines[0].find("held_out_loss").map(|at| at + 13),
        "columns are even"
    );
}
