//! Fills: begin, snapshot, store, each of which may be the last that a fill does.

use super::database::{Content, ENTRIES, names};
use super::scripts::Script;
use super::step::Call;
use super::store::{Text, int, text, text_of};
use super::variant::Variant;
use super::world::World;

/// How long a fill lock and an entry last.
const LOCK: &str = "5000";
pub(super) const TTL: &str = "3600000";
const HARD: &str = "7200000";

/// A fill under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fill {
    pub(super) entry: usize,
    token: Text,
    begun: Option<(Text, Text)>,
    content: Option<Content>,
}

impl Fill {
    fn is_ready(&self) -> bool {
        self.begun.is_some() && self.content.is_some()
    }
}

impl World {
    /// One of the fills that are so far.
    pub(super) fn fill(&self, which: usize, is: impl Fn(&Fill) -> bool) -> Option<usize> {
        let fit: Vec<usize> = (0..self.fills.len())
            .filter(|index| is(&self.fills[*index]))
            .collect();
        fit.get(which % fit.len().max(1)).copied()
    }

    pub(super) fn begin(&mut self, entry: usize) -> String {
        if self.fills.len() == 4 {
            return "no more fills".into();
        }
        self.made += 1;
        let mut fill = Fill {
            entry,
            token: text(&format!("fill{}", self.made)),
            begun: None,
            content: None,
        };
        let first = if self.variant == Some(Variant::PositionAfterSnapshot) {
            fill.content = Some(self.database.visible);
            "a snapshot".to_owned()
        } else {
            self.read_position(&mut fill)
        };
        self.fills.push(fill);
        format!("a fill of entry {entry} begins: {first}")
    }

    /// Correctness never rests on the lock: a fill that does not get it goes on all the same.
    fn read_position(&mut self, fill: &mut Fill) -> String {
        let lock = format!("l{}", fill.entry);
        let token = String::from_utf8_lossy(&fill.token).into_owned();
        let args = [token.as_str(), LOCK];
        let asked = self.ask(
            Call::Answered,
            Script::Begin,
            &["v", &lock],
            &args,
            |_, _| (),
        );
        let reply = asked.expect("it was answered");
        let (epoch, position) = (text_of(&reply, 2), text_of(&reply, 3));
        let said = format!(
            "epoch {:?}, position {:?}",
            String::from_utf8_lossy(&epoch),
            String::from_utf8_lossy(&position)
        );
        let position = if position.is_empty() {
            text(&format!("{:020}", 0))
        } else {
            position
        };
        fill.begun = Some((epoch, position));
        said
    }

    pub(super) fn snapshot(&mut self, which: usize) -> String {
        let Some(index) = self.fill(which, |fill| !fill.is_ready()) else {
            return "no fill opens a snapshot".into();
        };
        let mut fill = self.fills[index].clone();
        let said = if fill.begun.is_none() {
            self.read_position(&mut fill)
        } else {
            fill.content.get_or_insert(self.database.visible);
            "opens its snapshot".to_owned()
        };
        let said = format!("the fill of entry {} {said}", fill.entry);
        self.fills[index] = fill;
        said
    }

    pub(super) fn store_fill(&mut self, which: usize, call: Call) -> String {
        let Some(index) = self.fill(which, Fill::is_ready) else {
            return "no fill ends".into();
        };
        let fill = self.fills.remove(index);
        let (Some((epoch, position)), Some(content)) = (fill.begun, fill.content) else {
            unreachable!("it is ready");
        };
        self.made += 1;
        let (header, lock) = (format!("e{}", fill.entry), format!("l{}", fill.entry));
        let failure = format!("f{}", fill.entry);
        let tables = names(ENTRIES[fill.entry]);
        let sets: Vec<String> = tables.iter().map(|table| format!("t:{table}")).collect();
        let mut keys = vec!["v", &header, &lock, &failure];
        keys.extend(sets.iter().map(String::as_str));
        let utf8 = |text: &Text| String::from_utf8_lossy(text).into_owned();
        let (token, epoch, position) = (utf8(&fill.token), utf8(&epoch), utf8(&position));
        // The fill's name tells what it holds.
        let name = format!("{content:016x}{:08x}", self.made);
        let tables = serde_json::json!(tables).to_string();
        #[rustfmt::skip]
        let args = [
            &token, &epoch, &position, TTL, HARD, &header,
            "fill", &name, "chunks", "0", "tables", &tables, "on_change", "1",
        ];
        match self.ask(call, Script::Commit, &keys, &args, |_, _| ()) {
            None => format!("a fill of {header} is stored and hears nothing"),
            Some(reply) => format!(
                "a fill of {header} at {position} in {epoch:?} is {}, born stale: {}",
                utf8(&text_of(&reply, 1)),
                int(&reply, 2)
            ),
        }
    }
}
