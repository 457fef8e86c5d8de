//! What becomes of a prompt whose form has to be made first.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gemma::Tokenizer;
use tokio::sync::oneshot;
use wire::{Answer, Form, ModelError, Prompt, Role, Sampling, Turn};

use super::Forming;
use crate::Kernel;
use crate::form::Forms;
use crate::format::Format;
use crate::queue::Queue;
use crate::tests::fixture::golden;
use crate::work::{Asked, Waiting};

type Receiver = oneshot::Receiver<Result<Answer, ModelError>>;

/// With one place and none in the queue.
fn forming(waiting: usize) -> (Arc<Forms>, Arc<Queue<Waiting>>, Forming) {
    let tokenizer = Tokenizer::load(&golden()).unwrap();
    let end = tokenizer.special.end_of_turn;
    let format = Format { tokenizer, stop_ids: vec![end], context: 99, kernel: Kernel::portable() };
    let (forms, queue) = (Arc::new(Forms::new(Arc::new(format))), Arc::new(Queue::new(1, 0)));
    let forming = Forming::new(Arc::clone(&forms), Arc::clone(&queue), waiting).unwrap();
    (forms, queue, forming)
}

fn asked(schema: &str) -> (Asked, Receiver) {
    let turns = vec![Turn { role: Role::User, text: "Who?".to_owned() }];
    let prompt = Prompt { form: Form::JsonSchema(schema.to_owned()), ..Prompt::new(turns, 5, Sampling::Greedy) };
    let (reply, receiver) = oneshot::channel();
    (Asked { adapter: None, prompt, reply }, receiver)
}

const NUMBER: &str = r#"{"type":"integer"}"#;

#[test]
fn it_waits_with_its_form_made_and_hears_when_there_is_no_room() {
    let (forms, queue, forming) = forming(4);
    let (first, second) = (asked(NUMBER), asked(NUMBER));
    assert!(forms.known(&first.0.prompt.form).is_none());
    assert!(forming.push(first.0) && queue.wait());
    let (waiting, _place) = queue.next(&|_| false).unwrap();
    assert!(matches!(waiting, Waiting::Answer { constraint: Some(_), .. }));
    assert!(forming.push(second.0));
    assert_eq!(second.1.blocking_recv().unwrap(), Err(ModelError::Busy), "the only place is taken");
}

#[test]
fn a_schema_that_is_none_is_the_askers_to_hear() {
    let (_, queue, forming) = forming(4);
    let (wrong, receiver) = asked(r#"{"type":"nothing"}"#);
    assert!(forming.push(wrong));
    assert!(matches!(receiver.blocking_recv().unwrap(), Err(ModelError::Ineligible(_))));
    assert_eq!(queue.waiting(), 0);
}

#[test]
fn nothing_is_made_for_who_has_left_and_no_more_wait_than_may() {
    let (forms, queue, forming) = forming(1);
    // A wide form keeps the thread at work for a while.
    let names: Vec<String> = (0..3000).map(|name| format!("\"p{name}\":{{\"type\":\"integer\"}}")).collect();
    let wide = asked(&format!("{{\"type\":\"object\",\"properties\":{{{}}}}}", names.join(",")));
    assert!(forming.push(wide.0));
    let gone: Vec<Asked> = (0..3).map(|_| asked(NUMBER).0).collect();
    let form = gone[0].prompt.form.clone();
    let room = gone.into_iter().map(|asked| forming.push(asked)).filter(|taken| *taken).count();
    assert!(room < 3, "one may wait, and one more if the first was taken already");
    assert!(queue.wait());
    drop((queue.next(&|_| false), wide.1));
    let mut last = asked(r#"{"type":"boolean"}"#);
    while !forming.push(last.0) {
        thread::sleep(Duration::from_millis(1));
        last = asked(r#"{"type":"boolean"}"#);
    }
    assert!(queue.wait());
    assert!(forms.known(&form).is_none(), "the thread has passed over who left");
}
