//! Who is signed in. Sessions live in memory: after a restart everybody signs in again. Time comes in as an argument.

use std::collections::HashMap;

use axum::http::{HeaderMap, header};
use parking_lot::Mutex;

/// A session ends so long after its last request.
const IDLE_MS: u64 = 12 * 60 * 60 * 1000;
/// Sessions at a time; past that the one that was used least lately ends.
const SESSIONS_MAX: usize = 64;
/// Wrong tokens that are looked at in a minute, whoever offers them.
const WRONG_MAX: u32 = 20;
const MINUTE_MS: u64 = 60_000;
const COOKIE: &str = "apprentice_session";

type Id = [u8; 32];

/// All sessions.
pub(crate) struct Sessions {
    /// What form tokens are made with.
    key: Id,
    secure: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: HashMap<Id, Session>,
    /// The minute, and the wrong tokens in it.
    wrong: (u64, u32),
}

struct Session {
    actor: Option<String>,
    used_ms: u64,
}

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    id: Id,
    /// The name that this person wants in the log.
    pub(crate) actor: Option<String>,
    /// What every form of theirs has to say.
    pub(crate) form_token: String,
}

impl Sessions {
    pub(crate) fn new(secure: bool) -> Result<Self, getrandom::Error> {
        Ok(Self { key: random()?, secure, state: Mutex::default() })
    }

    /// Opens a session; its cookie.
    pub(crate) fn open(&self, actor: Option<String>, now_ms: u64) -> Result<String, getrandom::Error> {
        let id = random()?;
        let mut state = self.state.lock();
        state.open.retain(|_, session| now_ms.saturating_sub(session.used_ms) < IDLE_MS);
        if state.open.len() >= SESSIONS_MAX {
            let oldest = state.open.iter().min_by_key(|(_, session)| session.used_ms).map(|(id, _)| *id);
            oldest.map(|id| state.open.remove(&id));
        }
        state.open.insert(id, Session { actor, used_ms: now_ms });
        Ok(self.cookie(&blake3::Hash::from_bytes(id).to_hex(), IDLE_MS / 1000))
    }

    /// The session that a request belongs to.
    pub(crate) fn of(&self, headers: &HeaderMap, now_ms: u64) -> Option<Signed> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut values = cookies
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='));
        let id = *blake3::Hash::from_hex(values.next()?).ok()?.as_bytes();
        let mut state = self.state.lock();
        let session = state.open.get_mut(&id)?;
        if now_ms.saturating_sub(session.used_ms) >= IDLE_MS {
            state.open.remove(&id);
            return None;
        }
        session.used_ms = now_ms;
        let form_token = blake3::keyed_hash(&self.key, &id).to_hex().to_string();
        Some(Signed { id, actor: session.actor.clone(), form_token })
    }

    /// Ends a session; the cookie that makes the browser forget it.
    pub(crate) fn close(&self, signed: &Signed) -> String {
        self.state.lock().open.remove(&signed.id);
        self.cookie("", 0)
    }

    /// Heads or tails for a text: the same each time, and nothing that anybody can foresee.
    pub(crate) fn coin(&self, text: &str) -> bool {
        blake3::keyed_hash(&self.key, text.as_bytes()).as_bytes().first().is_some_and(|byte| byte & 1 == 1)
    }

    /// Whether another try to sign in may be looked at.
    pub(crate) fn may_try(&self, now_ms: u64) -> bool {
        let (minute, wrong) = self.state.lock().wrong;
        minute != now_ms / MINUTE_MS || wrong < WRONG_MAX
    }

    pub(crate) fn note_wrong(&self, now_ms: u64) {
        let (minute, mut state) = (now_ms / MINUTE_MS, self.state.lock());
        state.wrong = if state.wrong.0 == minute { (minute, state.wrong.1 + 1) } else { (minute, 1) };
    }

    fn cookie(&self, value: &str, seconds: u64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
    }
}

fn random() -> Result<Id, getrandom::Error> {
    let mut id = Id::default();
    getrandom::fill(&mut id)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = cookie.split(';').next().unwrap();
        headers.insert(header::COOKIE, format!("a=b; {value}; c=d").parse().unwrap());
        headers
    }

    #[test]
    fn a_session_is_known_by_its_cookie_until_it_ends() {
        let sessions = Sessions::new(true).unwrap();
        let cookie = sessions.open(Some("Mara".into()), 0).unwrap();
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure"), "{cookie}");
        let signed = sessions.of(&asked(&cookie), IDLE_MS - 1).unwrap();
        assert_eq!(signed.actor.as_deref(), Some("Mara"));
        assert_eq!(sessions.of(&asked(&cookie), 2 * IDLE_MS - 2).as_ref(), Some(&signed), "every request prolongs it");
        assert_eq!(sessions.of(&asked(&cookie), 3 * IDLE_MS), None);
        let other = sessions.open(None, 0).unwrap();
        let other = (sessions.of(&asked(&other), 0).unwrap(), other);
        assert_ne!(other.0.form_token, signed.form_token);
        assert!(sessions.close(&other.0).contains("Max-Age=0"));
        assert_eq!(sessions.of(&asked(&other.1), 0), None);
        for forged in ["", "apprentice_session=", "apprentice_session=00", &format!("apprentice_session={:064}", 7)] {
            assert_eq!(sessions.of(&asked(forged), 0), None, "{forged}");
        }
    }

    #[test]
    fn sessions_and_wrong_tokens_are_bounded() {
        let sessions = Sessions::new(false).unwrap();
        let first = sessions.open(None, 0).unwrap();
        let cookies: Vec<String> = (1..=SESSIONS_MAX as u64).map(|at| sessions.open(None, at).unwrap()).collect();
        assert_eq!(sessions.of(&asked(&first), 100), None, "the one that was used least lately");
        assert!(cookies.iter().all(|cookie| sessions.of(&asked(cookie), 100).is_some()));
        (0..WRONG_MAX).for_each(|_| sessions.note_wrong(5));
        assert!(!sessions.may_try(6) && sessions.may_try(MINUTE_MS));
        sessions.note_wrong(MINUTE_MS);
        assert!(sessions.may_try(MINUTE_MS));
    }
}
