//! Texts with `{slots}`: filled in, and read back.

/// The values of a template's slots, by name.
pub(crate) type Slots<'a> = Vec<(&'a str, &'a str)>;

/// The value of one slot.
pub(crate) fn slot<'a>(slots: &Slots<'a>, name: &str) -> Option<&'a str> {
    slots.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
}

/// A template's pieces: literal text, and the slot in front of it.
fn pieces(template: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    // A part is "slot}literal", except for the first, which is literal.
    template.split('{').map(|part| part.split_once('}').map_or((part, None), |(slot, literal)| (literal, Some(slot))))
}

/// The text of `template`; `None` if a slot has no value.
pub(crate) fn fill(template: &str, slots: &Slots<'_>) -> Option<String> {
    let mut text = String::with_capacity(template.len() + 32);
    for (literal, name) in pieces(template) {
        if let Some(name) = name {
            text.push_str(slot(slots, name)?);
        }
        text.push_str(literal);
    }
    Some(text)
}

/// The slots of `template` as `text` fills them; `None` if the text is not of this form. A value
/// reaches to the first place where the literal text behind it stands, and is not empty.
pub(crate) fn read<'a>(template: &'a str, text: &'a str) -> Option<Slots<'a>> {
    let mut slots = Slots::new();
    let mut rest = text;
    for (literal, name) in pieces(template) {
        match name {
            None => rest = rest.strip_prefix(literal)?,
            Some(name) => {
                let (value, after) = if literal.is_empty() { (rest, "") } else { rest.split_once(literal)? };
                if value.is_empty() {
                    return None;
                }
                slots.push((name, value));
                rest = after;
            }
        }
    }
    rest.is_empty().then_some(slots)
}

#[cfg(test)]
mod tests;
