//! Readers, and the oracle that judges every answer that is called fresh.

use super::database::{Content, ENTRIES, concerns, names};
use super::fill::TTL;
use super::scripts::Script;
use super::step::Call;
use super::store::{Reply, int, text_of};
use super::world::{VALID, World};

/// How often what was found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) fresh: u64,
    /// Those of them that hold a commit.
    pub(crate) fresh_after_change: u64,
    pub(crate) stale: u64,
    pub(crate) missing: u64,
}

impl World {
    /// Every entry is asked for, and judged.
    pub(crate) fn read_all(&mut self) -> String {
        let verdicts: Vec<String> = (0..ENTRIES.len())
            .map(|entry| self.read(entry, "1"))
            .collect();
        format!("read: {}", verdicts.join(", "))
    }

    /// Every entry is judged, without leaving a trace of it.
    pub(crate) fn look_at_all(&mut self) {
        for entry in 0..ENTRIES.len() {
            self.read(entry, "0");
        }
    }

    fn read(&mut self, entry: usize, counts: &str) -> String {
        let (header, lock) = (format!("e{entry}"), format!("l{entry}"));
        let failure = format!("f{entry}");
        let keys = ["v", &header, "d", "w", &lock, "r", &failure];
        let args = ["1", &header, counts, "report", TTL, ""];
        let asked = self.ask(Call::Answered, Script::Read, &keys, &args, |_, _| ());
        let reply = asked.expect("it was answered");
        let (verdict, why) = (text_of(&reply, 1), text_of(&reply, 2));
        match &*verdict {
            b"fresh" => {
                self.counts.fresh += 1;
                self.judge(entry, &reply);
            }
            b"stale" => self.counts.stale += 1,
            _ => self.counts.missing += 1,
        }
        let utf8 = String::from_utf8_lossy;
        format!("{header} is {} {}", utf8(&verdict), utf8(&why))
            .trim_end()
            .to_owned()
    }

    /// The oracle.
    fn judge(&mut self, entry: usize, reply: &Reply) {
        let fill = self
            .store
            .field(format!("e{entry}").as_bytes(), b"fill")
            .expect("what is fresh is there");
        let fill = std::str::from_utf8(fill).unwrap();
        let content = Content::from_str_radix(&fill[..16], 16).unwrap();
        let heartbeat = self.ghost.heartbeat;
        let now = int(reply, 0) as u64;
        if self.heartbeat() != Some(heartbeat.ms) || now.saturating_sub(heartbeat.ms) > VALID {
            self.violation = Some(format!(
                "e{entry} is called fresh at {now} by the heartbeat {:?}, and the last true one is {}",
                self.heartbeat(),
                heartbeat.ms
            ));
            return;
        }
        if concerns(ENTRIES[entry], self.database.changed(0, content)) {
            self.counts.fresh_after_change += 1;
        }
        let lacking = self.database.changed(content, heartbeat.content);
        if concerns(ENTRIES[entry], lacking) {
            self.violation = Some(format!(
                "e{entry} is called fresh as of {}, and lacks a commit on {:?} that was visible then",
                heartbeat.ms,
                names(lacking)
            ));
        }
    }
}
