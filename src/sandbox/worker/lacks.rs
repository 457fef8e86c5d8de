//! Which exceptions are the interpreter's own lack and not the function's doing: Python would have gone on, or the author can
//! write it another way. Known by the interpreter's words, which the tests hold.

use monty_types::ExcType;

/// Builtin functions and classes of Python that this interpreter does not know.
const ABSENT_BUILTINS: [&str; 24] = [
    "__import__",
    "aiter",
    "anext",
    "ascii",
    "breakpoint",
    "bytearray",
    "callable",
    "classmethod",
    "compile",
    "complex",
    "delattr",
    "dir",
    "eval",
    "exec",
    "format",
    "globals",
    "help",
    "input",
    "locals",
    "memoryview",
    "property",
    "staticmethod",
    "super",
    "vars",
];

/// Types whose methods are known to the author: an unknown one is to be written otherwise. `NoneType` is not among them, as
/// that one depends on the input.
const BUILTIN_TYPES: [&str; 16] = [
    "bool",
    "bytes",
    "dict",
    "float",
    "frozenset",
    "function",
    "int",
    "list",
    "module",
    "range",
    "re.Match",
    "re.Pattern",
    "set",
    "str",
    "tuple",
    "type",
];

/// Between these Python's arithmetic is complete.
const NUMBERS: [&str; 3] = ["bool", "float", "int"];

pub(crate) fn is_lack(kind: ExcType, message: &str) -> bool {
    match kind {
        ExcType::NotImplementedError
        | ExcType::ImportError
        | ExcType::ModuleNotFoundError
        | ExcType::RePatternError => true,
        ExcType::RuntimeError => message.starts_with("Internal error in monty"),
        ExcType::NameError => quoted(message).is_some_and(|name| ABSENT_BUILTINS.contains(&name)),
        ExcType::AttributeError => {
            let of_builtin = || quoted(message).is_some_and(|kind| BUILTIN_TYPES.contains(&kind));
            message.starts_with("type object ") || message.starts_with("module ") || of_builtin()
        }
        ExcType::TypeError => message.contains("not yet supported") || is_missing_operator(message),
        _ => false,
    }
}

/// Arithmetic with booleans, comparison of sets, union of dictionaries, `%` of a text, and a generator expression, which is
/// a list here and so no iterator.
fn is_missing_operator(message: &str) -> bool {
    let mut quotes = message.split('\'').skip(1).step_by(2);
    if let Some(operator) = message.strip_prefix("unsupported operand type(s) for ") {
        let (left, right) = (quotes.next().unwrap_or_default(), quotes.next().unwrap_or_default());
        return NUMBERS.contains(&left) && NUMBERS.contains(&right)
            || operator.starts_with('%') && left == "str"
            || operator.starts_with('|') && left == "dict" && right == "dict";
    }
    let is_set = |kind: Option<&str>| kind.is_some_and(|kind| kind.ends_with("set"));
    message.contains("not supported between instances") && is_set(quotes.nth(1)) && is_set(quotes.next())
        || message == "'list' object is not an iterator"
}

/// The first quoted word.
fn quoted(message: &str) -> Option<&str> {
    message.split('\'').nth(1)
}
