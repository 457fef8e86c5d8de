//! sled 0.34.7 panics on some damage. Here a panic inside it becomes an error like any other, said in one line
//! instead of a backtrace. Knows nothing of what is called.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::StoreError;

thread_local! {
    /// Whether this thread is inside [`guarded`].
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `call`; a panic inside it is [`StoreError::Panicked`]. What it borrowed must not be used afterwards, nor
/// dropped if it belongs to sled: its destructors may panic again.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !INSIDE.get() {
                before(info);
            }
        }));
    });
    let outer = INSIDE.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    INSIDE.set(outer);
    result.unwrap_or_else(|panic| Err(StoreError::Panicked(text(panic.as_ref()))))
}

/// The first line of a panic's message.
fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.and_then(|text| text.lines().next()).unwrap_or("without a message").chars().take(200).collect()
}
