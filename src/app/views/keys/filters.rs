//! The conditions beside the pattern: time to live, bytes, elements, last use, encoding, and whether a report's.

use std::time::Duration;

use eframe::egui::{Popup, PopupCloseBehavior, Ui};

use super::{Keys, table};
use crate::app::command::Commands;
use crate::app::format;
use crate::app::theme::{size, text};
use crate::app::widgets::{Button, Field, Tip};
use crate::inspect::{Filter, Pattern, Range, TtlRange, display};

/// The conditions as typed; what does not read as one is told beside its field and changes nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Typed {
    ttl: String,
    bytes: String,
    elements: String,
    idle: String,
    frequency: String,
    encoding: String,
}

/// How many conditions hold.
fn conditions(filter: &Filter) -> usize {
    [
        filter.ttl != TtlRange::All,
        !filter.bytes.is_all(),
        !filter.elements.is_all(),
        !filter.idle.is_all(),
        !filter.frequency.is_all(),
        !filter.encoding.is_empty(),
        filter.entries.is_some(),
    ]
    .into_iter()
    .filter(|holds| *holds)
    .count()
}

/// A filter without what makes no difference to it, so that two that show the same are equal.
pub(super) fn plain(filter: &Filter) -> Filter {
    let mut plain = filter.clone();
    if plain.pattern.is_all() {
        plain.pattern = Pattern::default();
    }
    plain.hidden.sort_by_key(|kind| kind.name());
    plain
}

/// What a filter shows, in words: "prefix app:, 10.0 KB or more, no hash".
pub(super) fn words(filter: &Filter) -> String {
    let filter = plain(filter);
    let mut words = Vec::new();
    if !filter.prefix.is_empty() {
        words.push(format!("prefix {}", table::name_of(&filter.prefix)));
    }
    if !filter.pattern.is_all() {
        words.push(pattern(filter.pattern.as_bytes()));
    }
    if !filter.type_name.is_empty() {
        words.push(format!("type {}", filter.type_name));
    }
    words.extend(
        filter
            .hidden
            .iter()
            .map(|kind| format!("no {}", kind.name())),
    );
    words.extend(ttl(filter.ttl));
    words.extend(range(filter.bytes, format::bytes));
    words.extend(range(filter.elements, format::count).map(|words| format!("{words} elements")));
    words.extend(range(filter.idle, seconds).map(|words| format!("last used {words} ago")));
    words.extend(range(filter.frequency, format::count).map(|words| format!("frequency {words}")));
    if !filter.encoding.is_empty() {
        words.push(format!("encoding {}", filter.encoding));
    }
    if filter.entries.is_some() {
        words.push("entries of reports".to_owned());
    }
    if words.is_empty() {
        return "every key of this database".to_owned();
    }
    words.join(", ")
}

/// A beginning as it was typed, without the backslashes that the server needs; any other pattern as it is.
fn pattern(glob: &[u8]) -> String {
    let beginning: Vec<u8> = glob
        .strip_suffix(b"*")
        .unwrap_or_default()
        .iter()
        .copied()
        .filter(|byte| *byte != b'\\')
        .collect();
    if Pattern::prefix(&beginning).as_bytes() == glob {
        format!("names that begin with {}", display(&beginning))
    } else {
        format!("pattern {}", display(glob))
    }
}

fn ttl(ttl: TtlRange) -> Option<String> {
    match ttl {
        TtlRange::All => None,
        TtlRange::Never => Some("without TTL".to_owned()),
        TtlRange::Some => Some("with a TTL".to_owned()),
        TtlRange::Unknown => Some("TTL not known".to_owned()),
        TtlRange::Within(within) => {
            range(within, milliseconds).map(|words| format!("expires in {words}"))
        }
    }
}

fn range(range: Range, shown: fn(u64) -> String) -> Option<String> {
    match (range.least, range.most) {
        (None, None) => None,
        (Some(least), None) => Some(format!("{} or more", shown(least))),
        (None, Some(most)) => Some(format!("{} or less", shown(most))),
        (Some(least), Some(most)) if least == most => Some(shown(least)),
        (Some(least), Some(most)) => Some(format!("{} to {}", shown(least), shown(most))),
    }
}

fn seconds(seconds: u64) -> String {
    format::long(Duration::from_secs(seconds))
}

/// To the next second: what is below an hour ends a millisecond before it.
fn milliseconds(ms: u64) -> String {
    seconds(ms.div_ceil(1_000))
}

/// The button, and what it opens.
pub(super) fn show(ui: &mut Ui, keys: &mut Keys, commands: &mut Commands) {
    let holding = conditions(&keys.question.filter);
    let label = match holding {
        0 => "Filters".to_owned(),
        many => format!("Filters {many}"),
    };
    let button = ui.add(
        Button::new(&label)
            .bare()
            .selected(holding > 0)
            .named("More filters")
            .tooltip("Filter by time to live, bytes, elements, last use, encoding, or reports"),
    );
    Popup::menu(&button)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .show(|ui| {
            ui.set_width(268.0);
            ui.spacing_mut().item_spacing.y = size::SPACE_8;
            ui.add_space(size::SPACE_4);
            fields(ui, keys, commands);
            ui.add_space(size::SPACE_4);
        });
}

/// Whether only what belongs to a report is shown; in sight, for it is what sets this cache apart.
pub(super) fn entries(ui: &mut Ui, keys: &mut Keys, commands: &mut Commands) {
    let mut only = keys.question.filter.entries.is_some();
    let response = ui.checkbox(&mut only, text::small(ui, "Only entries of reports"));
    if response.changed() {
        keys.question.filter.entries = only.then(|| keys.prefix.clone());
        keys.ask(commands);
    }
    response.tip("Only the headers and chunks that belong to a report of this cache");
}

fn fields(ui: &mut Ui, keys: &mut Keys, commands: &mut Commands) {
    let before = keys.question.filter.clone();
    let filter = &mut keys.question.filter;
    let typed = &mut keys.typed;
    condition(
        ui,
        "Time to live",
        "never, <1h, 1m..1h",
        &mut typed.ttl,
        &mut filter.ttl,
        TtlRange::read,
    );
    condition(
        ui,
        "Bytes",
        ">10KB, 1KB..1MB",
        &mut typed.bytes,
        &mut filter.bytes,
        Range::bytes,
    );
    condition(
        ui,
        "Elements",
        ">1000, 10..20",
        &mut typed.elements,
        &mut filter.elements,
        Range::count,
    );
    condition(
        ui,
        "Last used",
        ">1d, <1h",
        &mut typed.idle,
        &mut filter.idle,
        Range::seconds,
    );
    condition(
        ui,
        "Frequency, where the server counts it",
        "<5, 50..255",
        &mut typed.frequency,
        &mut filter.frequency,
        Range::count,
    );
    let encoding = Field::new("Encoding")
        .hint("listpack, hashtable, embstr...")
        .show(ui, &mut typed.encoding);
    if encoding.changed() {
        typed.encoding.trim().clone_into(&mut filter.encoding);
    }
    ui.horizontal(|ui| {
        let some = conditions(&keys.question.filter) > 0;
        if ui
            .add(Button::new("Clear").named("Clear filters").enabled(some))
            .clicked()
        {
            keys.typed = Typed::default();
            let filter = &mut keys.question.filter;
            *filter = Filter {
                prefix: std::mem::take(&mut filter.prefix),
                pattern: filter.pattern.clone(),
                hidden: std::mem::take(&mut filter.hidden),
                ..Filter::default()
            };
        }
        let shown = format::plural(keys.view.shown.keys, "key shown", "keys shown");
        ui.label(text::small(ui, shown));
    });
    if keys.question.filter != before {
        keys.ask(commands);
    }
}

/// One field; while its text is no condition, the one before holds.
fn condition<T>(
    ui: &mut Ui,
    name: &str,
    hint: &str,
    typed: &mut String,
    value: &mut T,
    read: fn(&str) -> Result<T, String>,
) {
    let problem = read(typed).err();
    let response = Field::new(name)
        .hint(hint)
        .problem(problem.as_deref())
        .show(ui, typed);
    if response.changed()
        && let Ok(new) = read(typed)
    {
        *value = new;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::inspect::Kind;

    #[test]
    fn a_filter_is_told_in_its_own_words() {
        assert_eq!(words(&Filter::default()), "every key of this database");
        let typed = |text| Filter {
            pattern: Pattern::typed(text),
            ..Filter::default()
        };
        assert_eq!(words(&typed("")), "every key of this database");
        assert_eq!(plain(&typed("")), Filter::default());
        assert_eq!(words(&typed("a-b:")), "names that begin with a-b:");
        assert_eq!(words(&typed("a?b")), "pattern a?b");
        let filter = Filter {
            prefix: b"app:".to_vec(),
            pattern: Pattern::typed("*cart*"),
            hidden: vec![Kind::List, Kind::Hash],
            ttl: TtlRange::read("<1h").unwrap(),
            bytes: Range::bytes(">=10KB").unwrap(),
            elements: Range::count("5..9").unwrap(),
            ..Filter::default()
        };
        assert_eq!(
            words(&filter),
            "prefix app:, pattern *cart*, no hash, no list, expires in 1 h 00 min or less, 10.0 KB or more, 5 to 9 elements"
        );
    }
}
