//! Why is an entry fresh or stale, and why was it refreshed? In one sentence, the same for every process that asks:
//! all of it is read from the verdict and the header. What a verdict alone says is [`Why::sentence`].

use super::{Found, Header, Why};

/// Tables that a sentence names; of more it tells the number.
const NAMED: usize = 4;

impl Found {
    /// Why the entry of a report on `source` is fresh, stale or missing.
    pub fn sentence(&self, source: &str) -> String {
        if self.why == Why::NoWorker && self.worker {
            return "the worker's detector does not see its source".to_owned();
        }
        let (Why::Watched, Some(header)) = (&self.why, &self.header) else {
            return self.why.sentence();
        };
        let what = tables(&header.tables, source);
        let ago = self.heartbeat.map_or_else(String::new, |beat| {
            let seconds = self.now.0.saturating_sub(beat.0) as f64 / 1e3;
            format!(" up to {seconds:.1} s ago")
        });
        let detector = self.detector_name().unwrap_or("unnamed");
        format!("no change of {what}{ago}, says the detector of {source} ({detector})")
    }

    /// The same, with the last failed refresh where there is one.
    pub fn sentence_with_failure(&self, source: &str) -> String {
        let why = self.sentence(source);
        match self.failed() {
            Some(failed) => format!("{why}; {failed}"),
            None => why,
        }
    }

    /// The last failed refresh in one clause. The next try is named only while a worker is there to make it.
    pub fn failed(&self) -> Option<String> {
        let mut failure = self.failure.clone()?;
        failure.next = failure.next.filter(|_| self.worker);
        Some(failure.sentence(self.now))
    }

    /// The detector's name without its delay.
    pub fn detector_name(&self) -> Option<&str> {
        let words = self.detector.as_deref()?;
        Some(words.rsplit_once(", ").map_or(words, |(name, _)| name))
    }

    /// The detector's delay in milliseconds, as far as its words tell.
    pub fn detector_delay_ms(&self) -> Option<u64> {
        let (_, delay) = self.detector.as_deref()?.rsplit_once(", ")?;
        delay.strip_suffix(" ms")?.parse().ok()
    }
}

impl Header {
    /// Why the entry was refreshed last; `None` where it was made by a request that found nothing it could be served.
    pub fn refreshed_because(&self) -> Option<String> {
        if let Some(because) = &self.because {
            return Some(because.clone());
        }
        let (who, why) = self.writer.rsplit_once(", ")?;
        match why {
            "miss" => None,
            "asked" => Some(format!("asked for by the {who}")),
            why => Some(format!("{why}, says the {who}")),
        }
    }
}

/// "orders and lineitem", "the source shop".
fn tables(names: &[String], source: &str) -> String {
    match names {
        [] => format!("anything in {source}"),
        [any] if any == "*" => format!("anything in {source}"),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= NAMED => format!("{} and {last}", first.join(", ")),
        _ => format!(
            "{} and {} more tables",
            names[..NAMED - 1].join(", "),
            names.len() - NAMED + 1
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_named_as_long_as_they_are_few() {
        let told = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            tables(&names, "shop")
        };
        assert_eq!(told(&["orders"]), "orders");
        assert_eq!(told(&["a", "b", "c"]), "a, b and c");
        assert_eq!(
            told(&["a", "b", "c", "d", "e"]),
            "a, b, c and 2 more tables"
        );
        assert_eq!(told(&["*"]), "anything in shop");
        assert_eq!(told(&[]), "anything in shop");
    }
}
