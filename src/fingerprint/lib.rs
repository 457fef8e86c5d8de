//! Call sites that no client names: found by what their prompts have in common.
//!
//! A game's tool fills a template and sends it a thousand times. The template is what a call site is, so that is what is
//! looked for: requests of one [`Shape`] (API, model, answer's schema, tools) whose system text, or else whose first user
//! text, share fixed words around values that vary.
//!
//! - `text`: a prompt as tokens and edges (pairs of neighbours), values masked; `shape`: the rest of a request;
//! - `pool`: a bounded sample of the prompts that belong to no known site; `mine`: the templates in it;
//! - `template`, `index`: what is fixed, and which template a prompt is of; `name`: a readable name;
//! - [`adjusted_rand_index`]: how good it is where the truth is known;
//! - [`Finder`]: the live side, asked for every request; `alike`: templates that are one after all; `site`, `edit`: what is
//!   kept, and what a person changes; `samples`, `forget`: what is shown of prompts, and what is erased; `surroundings`: what
//!   others know of a site.
//!
//! **Order does not matter.** Whoever clusters prompts as they come gets clusters that depend on the order. Here a request
//! that no template fits only goes into a sample, the prompts with the smallest hashes, which is the same in every order; and
//! the sample is mined as a set, off the hot path. A site is made once enough different prompts show which words are fixed,
//! so that the words, and with them the name, are those that any other such prompts would have shown; a prompt may lack a
//! few of them. Once made, a site keeps its name; its template only ever loses words that turn out to vary.
//!
//! No I/O, no clock, no chance; nothing of a prompt is sent anywhere. What a prompt costs and what is kept is bounded
//! whatever clients send: six kilobytes of each text are looked at, some thousand prompts are kept, a site needs dozens of
//! different prompts, and there is a fixed number of places.

mod agreement;
mod alike;
mod edit;
mod finder;
mod forget;
mod index;
mod mine;
mod name;
mod pool;
mod samples;
mod shape;
mod site;
mod split;
mod surroundings;
mod template;
mod text;

pub use agreement::adjusted_rand_index;
pub use edit::EditError;
pub use finder::{Discover, Finder, FinderSettings, Mined};
pub use shape::Shape;
pub use site::{FoundSite, FoundView, Sample, Standing, TemplateView};
pub use split::Split;
pub use surroundings::Surroundings;
pub use template::{Slot, Template};

#[cfg(test)]
mod tests;
