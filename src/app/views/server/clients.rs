//! Who is connected.

use eframe::egui::Ui;

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::{Tone, size};
use crate::app::widgets::{self, Button, Cell, Column, column_row_to_copy, column_titles_to_sort};
use crate::inspect::server::{ClientSort, ConnectedClient, MOST_CLIENTS};

use super::table::{self, Tools};

const COLUMNS: [Column; 9] = [
    Column::text("Address", 130.0, 0.3),
    Column::text("Name", 110.0, 0.4),
    Column::text("Kind", 76.0, 0.0),
    Column::text("User", 64.0, 0.2),
    Column::text("Library", 90.0, 0.2),
    Column::text("Last command", 92.0, 0.2),
    Column::number("Connected", 88.0, 0.0),
    Column::number("Idle", 88.0, 0.0),
    Column::number("Memory", 72.0, 0.0),
];
/// Which columns sort, and by what.
const SORTS: [(usize, ClientSort); 6] = [
    (0, ClientSort::Address),
    (1, ClientSort::Name),
    (5, ClientSort::Command),
    (6, ClientSort::Age),
    (7, ClientSort::Idle),
    (8, ClientSort::Memory),
];

pub(super) fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    widgets::inset(ui, |ui| {
        let view = &mut state.server;
        let clients = match &view.seen.clients {
            None => return table::loading(ui, "Asking who is connected"),
            Some(Err(why)) => {
                table::sentence(ui, why);
                let connected = view.seen.info.number("connected_clients");
                if connected.is_some_and(|connected| connected > MOST_CLIENTS) {
                    ui.add_space(size::SPACE_8);
                    if ui.add(Button::new("List all the same")).clicked() {
                        view.focus.ask_anyway();
                    }
                }
                return;
            }
            Some(Ok(clients)) => clients,
        };
        let (sort, rising) = view.client_sort;
        let shown = clients.select(&view.client_filter, sort, !rising);
        let about = if shown.len() == clients.all.len() {
            format::plural(shown.len() as u64, "client", "clients")
        } else {
            format!(
                "{} of {}",
                format::count(shown.len() as u64),
                format::plural(clients.all.len() as u64, "client", "clients")
            )
        };
        let tools = Tools {
            about: &about,
            filter: Some((&mut view.client_filter, "Address, name, user, command")),
            find: std::mem::take(&mut view.find),
            can_copy: !shown.is_empty(),
        };
        if table::tools(ui, tools, |_| {}) {
            let lines = shown.iter().map(|client| copied(client));
            commands.send(AppCommand::Copy(lines.collect()));
        }
        if shown.is_empty() {
            widgets::empty(
                ui,
                "No client contains this",
                "Clear the filter to see all of them.",
            );
            return;
        }
        let sortable = SORTS.map(|(column, _)| column);
        let sorted = SORTS
            .iter()
            .find(|(_, by)| *by == sort)
            .map_or(0, |(at, _)| *at);
        let mut clicked = None;
        table::rows(
            ui,
            "clients",
            shown.len(),
            |ui| clicked = column_titles_to_sort(ui, &COLUMNS, &sortable, (sorted, !rising)),
            |ui, at| {
                let client = shown[at];
                if column_row_to_copy(ui, &COLUMNS, &cells(client), &tip(client)) {
                    commands.send(AppCommand::Copy(copied(client).trim_end().to_owned()));
                }
            },
        );
        let by = clicked.and_then(|at| SORTS.iter().find(|(column, _)| *column == at));
        if let Some((_, by)) = by {
            // Numbers begin with the largest, names with the first.
            let is_text = matches!(
                by,
                ClientSort::Address | ClientSort::Name | ClientSort::Command
            );
            let rising = if *by == sort { !rising } else { is_text };
            view.client_sort = (*by, rising);
        }
    });
}

fn cells(client: &ConnectedClient) -> [Cell; 9] {
    let weak = |text: &str| {
        let text = if text.is_empty() { "–" } else { text };
        Cell::Weak(text.to_owned())
    };
    let name = if client.name.is_empty() {
        weak("")
    } else {
        Cell::Strong(client.name.clone())
    };
    let kind = match client.kind() {
        "" => weak(""),
        "blocked" => Cell::Tone(Tone::Wait, "waiting".to_owned()),
        kind => Cell::Text(kind.to_owned()),
    };
    [
        Cell::Value(client.address.clone()),
        name,
        kind,
        weak(&client.user),
        weak(&client.driver),
        Cell::Value(client.command.to_uppercase()),
        Cell::Text(format::long(client.age)),
        Cell::Text(format::long(client.idle)),
        Cell::Text(format::bytes(client.memory)),
    ]
}

fn tip(client: &ConnectedClient) -> String {
    let waiting = if client.waiting > 0 {
        format!(
            ", {} of answers wait to be read",
            format::bytes(client.waiting)
        )
    } else {
        String::new()
    };
    format!(
        "Client {}, database {}{waiting}",
        client.id, client.database
    )
}

fn copied(client: &ConnectedClient) -> String {
    format!(
        "{}\t{}\t{}\t{}\t{}\t{} s\t{} s\t{} bytes\n",
        client.address,
        client.name,
        client.user,
        client.driver,
        client.command,
        client.age.as_secs(),
        client.idle.as_secs(),
        client.memory
    )
}
