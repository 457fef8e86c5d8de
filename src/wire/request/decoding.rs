//! How a request wants its tokens chosen.

use std::ops::RangeInclusive;

use super::fields::Fields;
use super::parameters::is_neutral;
use crate::logprobs::TOP_MAX;
use crate::{Decoding, Ineligible, Sampling};

/// Answers that a student writes to one request at most; who wants more is the teacher's.
const CHOICES_MAX: u32 = 8;

/// The request's own temperature, nucleus and seed over those of the `site`. What OpenAI has as default (1) says nothing: clients
/// that write out every default get what others get.
///
/// # Errors
/// [`Ineligible`] with the field's name for what is no number, or none that is allowed (OpenAI's ranges).
pub(super) fn sampling(fields: &Fields<'_>, site: Sampling) -> Result<Sampling, Ineligible> {
    let (temperature, top_p) = (said(fields, "temperature", 0.0..=2.0)?, said(fields, "top_p", 0.0..=1.0)?);
    let seed = fields.field("seed")?.map(i64::cast_unsigned);
    Ok(match (temperature, site) {
        (Some(0.0), _) | (None, Sampling::Greedy) => Sampling::Greedy,
        (Some(temperature), Sampling::Greedy) => Sampling::Random { temperature, top_p: top_p.unwrap_or(1.0), seed },
        (said, Sampling::Random { temperature, top_p: site_top_p, seed: site_seed }) => Sampling::Random {
            temperature: said.unwrap_or(temperature),
            top_p: top_p.unwrap_or(site_top_p),
            seed: seed.or(site_seed),
        },
    })
}

/// Penalties (OpenAI's, and Hugging Face's `repetition_penalty`) and cuts that clients of vLLM and llama.cpp ask for.
///
/// # Errors
/// As [`sampling`]; -1 is no `top_k`, as vLLM has it.
pub(super) fn read(fields: &Fields<'_>) -> Result<Decoding, Ineligible> {
    let none = Decoding::default();
    let or = |name, range, none: f32| said(fields, name, range).map(|said| said.unwrap_or(none));
    let top_k: i64 = fields.field("top_k")?.unwrap_or_default();
    let top_k = u32::try_from(top_k.max(0)).ok().filter(|_| top_k >= -1).ok_or_else(|| malformed("top_k"))?;
    Ok(Decoding {
        top_k,
        min_p: or("min_p", 0.0..=1.0, none.min_p)?,
        // Greater than 0, as Hugging Face has it, and at most 2: further up every answer is noise.
        repetition_penalty: or("repetition_penalty", f32::MIN_POSITIVE..=2.0, none.repetition_penalty)?,
        presence_penalty: or("presence_penalty", -2.0..=2.0, none.presence_penalty)?,
        frequency_penalty: or("frequency_penalty", -2.0..=2.0, none.frequency_penalty)?,
    })
}

/// How many answers are asked for.
///
/// # Errors
/// As [`sampling`].
pub(super) fn choices(fields: &Fields<'_>) -> Result<u32, Ineligible> {
    let choices = fields.field("n")?.unwrap_or(1);
    if (1..=CHOICES_MAX).contains(&choices) { Ok(choices) } else { Err(malformed("n")) }
}

/// How many of the most probable tokens are asked for at each place, whether they are `shown` or not; none may be where they are not.
///
/// # Errors
/// As [`sampling`].
pub(crate) fn top_logprobs(fields: &Fields<'_>, shown: bool) -> Result<Option<u8>, Ineligible> {
    let top: u8 = fields.field("top_logprobs")?.unwrap_or_default();
    if top > TOP_MAX || (top > 0 && !shown) { Err(malformed("top_logprobs")) } else { Ok(shown.then_some(top)) }
}

/// A number in `range`; nothing where the field says nothing.
fn said(fields: &Fields<'_>, name: &'static str, range: RangeInclusive<f32>) -> Result<Option<f32>, Ineligible> {
    match fields.field::<f32>(name)? {
        Some(number) if !range.contains(&number) => Err(malformed(name)),
        number => Ok(number.filter(|_| !fields.json(name).is_some_and(|json| is_neutral(name, json)))),
    }
}

fn malformed(name: &str) -> Ineligible {
    Ineligible::Field(name.to_owned())
}

#[cfg(test)]
mod tests;
