//! The conditions beside the pattern: time to live, bytes, elements, last use, encoding, and whether a report's.

use eframe::egui::{Popup, PopupCloseBehavior, Ui};

use super::Keys;
use crate::app::command::Commands;
use crate::app::theme::{size, text};
use crate::app::widgets::{Button, Field, Tip};
use crate::inspect::{Filter, Range, TtlRange};

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
        let shown = crate::app::format::plural(keys.view.shown.keys, "key shown", "keys shown");
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
