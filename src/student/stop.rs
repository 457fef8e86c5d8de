//! Stop texts in a stream: what comes before one is passed on, and never a part of one.

/// Passes text on, holding back an ending that could become a stop text.
#[derive(Debug)]
pub(crate) struct StopFilter {
    stops: Vec<String>,
    held: String,
}

/// What may be passed on, and whether a stop text was met.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) text: String,
    pub(crate) stopped: bool,
}

impl StopFilter {
    /// Empty stop texts are left out: they would stop every answer before it began.
    pub(crate) fn new(stops: &[String]) -> Self {
        Self { stops: stops.iter().filter(|stop| !stop.is_empty()).cloned().collect(), held: String::new() }
    }

    /// Takes the next piece of text.
    pub(crate) fn push(&mut self, text: &str) -> Passed {
        self.held.push_str(text);
        let first = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min();
        if let Some(at) = first {
            let mut text = std::mem::take(&mut self.held);
            text.truncate(at);
            return Passed { text, stopped: true };
        }
        let rest = self.held.split_off(self.held.len() - self.suspicious());
        Passed { text: std::mem::replace(&mut self.held, rest), stopped: false }
    }

    /// What was held back, once no text follows.
    pub(crate) fn finish(self) -> String {
        self.held
    }

    /// Length in bytes of the longest ending of `held` that a stop text begins with.
    fn suspicious(&self) -> usize {
        let begins = |ending: &str| self.stops.iter().any(|stop| stop.starts_with(ending));
        let endings = self.held.char_indices().filter_map(|(at, _)| self.held.get(at..));
        endings.into_iter().find(|ending| begins(ending)).map_or(0, str::len)
    }
}

#[cfg(test)]
mod tests;
