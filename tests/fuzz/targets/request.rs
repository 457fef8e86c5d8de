//! The reader of chat requests: any bytes are a request or an error, and what a student would be asked is the same each time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{Api, Sampling};

fuzz_target!(|bytes: &[u8]| {
    let Ok(request) = Api::Chat.parse(bytes) else { return };
    let prompt = request.prompt(16, Sampling::Greedy);
    drop((request.user(), format!("{request:?}")));
    let Ok(prompt) = prompt else { return };
    let again = Api::Chat.parse(bytes).expect("it was read a moment ago").prompt(16, Sampling::Greedy);
    assert_eq!(again.as_ref(), Ok(&prompt));
    drop(prompt.opening());
    // What is written for a prompt is a request that can be read.
    let written = Api::Chat.write_request(&request.model, &prompt);
    Api::Chat.parse(&written).expect("a request of our own making");
});
