//! An answer that is written alone: several of its tokens in a run, those that are certain and a draft of the next.
//!
//! Exact: after every token the next one is chosen as it always is, and where it is another than the draft's, the rest of the draft is
//! forgotten. What lies behind a sequence's length in the cache is never read.

use ort::session::Session;
use wire::Finish;

use crate::StudentError;
use crate::answer::Next;
use crate::format::Format;
use crate::lane::{Lane, Step};
use crate::load::Round;
use crate::row::{Learnt, Row};
use crate::tiles::Tiles;

/// Reads what is certain of `row`, and a draft; how the answer has ended, if it has.
///
/// # Errors
/// When the graph fails.
pub(crate) fn step(
    lane: &mut Lane,
    session: &mut Session,
    row: &mut Row,
    format: &Format,
    learnt: &mut Learnt,
    done: &mut Round,
) -> Result<Option<Result<Finish, StudentError>>, StudentError> {
    let adapter = row.adapter_hash();
    let certain: Vec<u32> = row.unread.drain(..).collect();
    let room = lane.cache.shape.capacity.saturating_sub(row.length + certain.len());
    let draft = learnt.drafts.draft(adapter, &row.text, room);
    let ids = [certain.as_slice(), &draft.tokens].concat();
    let (lengths, wanted) =
        ([row.length + ids.len()], (certain.len().saturating_sub(1)..ids.len()).collect::<Vec<_>>());
    row.length += certain.len();
    // The place whose logits are wanted next: the first one's, and then those after the last token that was right.
    let (mut next, mut end, mut accepted) = (0, None, 0);
    let listed = row.list.as_ref().filter(|_| !learnt.shortlists.check_is_due()).map(Tiles::numbers);
    let step = Step { ids: &ids, lengths: &lengths, wanted: &wanted, tiles: listed.as_deref() };
    lane.run(session, &step, |at, logits| {
        if end.is_some() || at != next {
            return Ok(());
        }
        match row.writing.take(format, logits, row.length) {
            Ok(Next::Tokens(tokens)) => {
                let guessed = draft.tokens.get(at..).unwrap_or_default();
                let same = tokens.iter().zip(guessed).take_while(|(token, guess)| token == guess).count();
                learnt.check(row, logits, &tokens, done);
                next = if same == tokens.len() { at + same } else { usize::MAX };
                row.push(tokens);
                row.unread.drain(..same);
                row.length += same;
                accepted += same;
            }
            Ok(Next::Unlisted) => {
                row.read_again();
                next = usize::MAX;
            }
            Ok(Next::End(finish)) => end = Some(Ok(finish)),
            Err(error) => end = Some(Err(error)),
        }
        Ok(())
    })?;
    learnt.drafts.learn(adapter, &draft, accepted > 0);
    done.drafted_tokens += draft.tokens.len();
    done.accepted_tokens += accepted;
    Ok(end)
}
