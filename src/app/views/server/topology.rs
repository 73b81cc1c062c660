//! Which servers belong together.

use eframe::egui::{Align2, Rect, ScrollArea, Sense, Ui, pos2, vec2};

use crate::app::command::Commands;
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::{Tone, colors, fonts, size, text};
use crate::app::widgets::{
    self, Cell, Column, card, column_row, column_titles, notice, table_card, text_at,
};
use crate::inspect::server::{Cluster, ClusterNode, Replica, Role, Sentinel, Topology};

use super::table;

const THIS: [Column; 5] = [
    Column::text("This server", 140.0, 0.3),
    Column::text("Mode", 90.0, 0.2),
    Column::text("Role", 220.0, 0.6),
    Column::text("Link to its primary", 200.0, 0.4),
    Column::number("Changes for replicas", 140.0, 0.1),
];
const REPLICAS: [Column; 4] = [
    Column::text("Replica", 180.0, 1.0),
    Column::text("State", 120.0, 0.5),
    Column::number("Behind", 100.0, 0.3),
    Column::number("Heard from", 110.0, 0.3),
];
const SENTINELS: [Column; 3] = [
    Column::text("Sentinel", 180.0, 0.5),
    Column::text("Address", 180.0, 0.5),
    Column::text("State", 180.0, 1.0),
];
const NODES: [Column; 5] = [
    Column::text("Node", 180.0, 0.5),
    Column::text("Part", 80.0, 0.0),
    Column::number("Slots", 70.0, 0.0),
    Column::text("Ranges", 180.0, 1.0),
    Column::text("State", 120.0, 0.4),
];
/// Slots of a cluster.
const SLOTS: f32 = 16_384.0;

pub(super) fn show(ui: &mut Ui, state: &mut State, _commands: &mut Commands) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        widgets::inset(ui, |ui| {
            let Some(topology) = &state.server.seen.topology else {
                return table::loading(ui, "Asking which servers belong together");
            };
            for why in &topology.missing {
                table::sentence(ui, why);
                ui.add_space(size::SPACE_12);
            }
            this(ui, state, topology);
            ui.add_space(size::SPACE_12);
            if let Some(cluster) = &topology.cluster {
                nodes(ui, cluster);
                ui.add_space(size::SPACE_12);
            }
            // The nodes of a cluster show who copies whom, and fail over by themselves.
            let is_alone = topology.cluster.is_none();
            if topology.role != Role::Sentinel && (is_alone || !topology.replicas.is_empty()) {
                replicas(ui, &topology.replicas);
                ui.add_space(size::SPACE_12);
            }
            if is_alone || !topology.sentinels.is_empty() {
                sentinels(ui, &topology.sentinels);
                ui.add_space(size::SPACE_12);
            }
        });
    });
}

fn this(ui: &mut Ui, state: &State, topology: &Topology) {
    let info = &state.server.seen.info;
    let none = || Cell::Weak("–".to_owned());
    let (role, link) = match &topology.role {
        Role::Primary => ("primary: takes writes".to_owned(), none()),
        Role::Sentinel => ("sentinel: watches others".to_owned(), none()),
        Role::Unknown => ("not told".to_owned(), none()),
        Role::Replica {
            of,
            connected,
            silent,
            syncing,
        } => {
            let since = silent.map_or_else(String::new, |silent| {
                let since = std::time::Duration::from_secs(silent);
                format!(", heard {} ago", format::long(since))
            });
            let link = match (connected, syncing) {
                (true, _) => Cell::Tone(Tone::Hit, format!("connected{since}")),
                (false, true) => Cell::Tone(Tone::Wait, "copies everything".to_owned()),
                (false, false) => Cell::Tone(Tone::Error, format!("lost{since}")),
            };
            (format!("replica of {of}"), link)
        }
    };
    let changes = info.number("master_repl_offset").filter(|bytes| *bytes > 0);
    table_card(ui, |ui| {
        column_titles(ui, &THIS);
        let cells = [
            Cell::Strong(format!("{} {}", info.product(), info.version())),
            Cell::Text(info.mode().to_owned()),
            Cell::Text(role),
            link,
            changes.map_or_else(none, |bytes| Cell::Text(format::bytes(bytes))),
        ];
        column_row(ui, &THIS, &cells);
    });
}

fn replicas(ui: &mut Ui, replicas: &[Replica]) {
    table_card(ui, |ui| {
        column_titles(ui, &REPLICAS);
        if replicas.is_empty() {
            table::nothing(
                ui,
                "No replica copies this server: where it is lost, what it holds is lost.",
            );
        }
        for replica in replicas {
            let state = if replica.state == "online" {
                Cell::Badge(Tone::Hit.into(), "online".to_owned())
            } else {
                Cell::Badge(Tone::Stale.into(), replica.state.clone())
            };
            let ago = |lag| format!("{} ago", format::long(std::time::Duration::from_secs(lag)));
            let cells = [
                Cell::Strong(replica.address.clone()),
                state,
                Cell::Text(replica.behind.map_or_else(|| "–".to_owned(), format::bytes)),
                Cell::Text(replica.lag.map_or_else(|| "–".to_owned(), ago)),
            ];
            column_row(ui, &REPLICAS, &cells);
        }
    });
}

fn sentinels(ui: &mut Ui, sentinels: &[Sentinel]) {
    table_card(ui, |ui| {
        column_titles(ui, &SENTINELS);
        if sentinels.is_empty() {
            table::nothing(
                ui,
                "No sentinel is connected, so nobody makes a replica the primary when this server is lost.",
            );
        }
        for sentinel in sentinels {
            let state = if sentinel.state.ends_with("down") {
                Cell::Tone(Tone::Error, sentinel.state.clone())
            } else {
                Cell::Text(sentinel.state.clone())
            };
            let cells = [
                Cell::Strong(sentinel.name.clone()),
                Cell::Value(sentinel.address.clone()),
                state,
            ];
            column_row(ui, &SENTINELS, &cells);
        }
    });
}

fn nodes(ui: &mut Ui, cluster: &Cluster) {
    if !cluster.is_covered() {
        let missing = 16_384 - cluster.covered();
        let slots = format::plural(missing, "slot is", "slots are");
        notice(
            ui,
            Tone::Error,
            &format!(
                "{slots} served by nobody, so keys in them cannot be read or written; redis-cli --cluster fix finds them a node."
            ),
        );
        ui.add_space(size::SPACE_8);
    }
    card(ui, |ui| {
        ui.horizontal(|ui| {
            widgets::group_title(ui, "Cluster slots");
            ui.label(text::small(ui, format!("state {}", cluster.state)));
        });
        ui.add_space(size::SPACE_4);
        strip(ui, cluster);
    });
    ui.add_space(size::SPACE_12);
    table_card(ui, |ui| {
        column_titles(ui, &NODES);
        for node in &cluster.nodes {
            column_row(ui, &NODES, &cells(node));
        }
    });
}

fn cells(node: &ClusterNode) -> [Cell; 5] {
    let ranges: Vec<String> = node
        .slots
        .iter()
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first} to {last}")
            }
        })
        .collect();
    let state = match node.problem {
        "" if node.is_self => Cell::Text("asked now".to_owned()),
        "" => Cell::Weak("connected".to_owned()),
        problem => Cell::Tone(Tone::Error, problem.to_owned()),
    };
    let is_primary = node.primary.is_none();
    [
        if is_primary {
            Cell::Strong(node.address.clone())
        } else {
            Cell::Text(format!("    {}", node.address))
        },
        Cell::Text(if is_primary { "primary" } else { "replica" }.to_owned()),
        Cell::Text(if is_primary {
            format::count(node.slot_count())
        } else {
            String::new()
        }),
        Cell::Weak(ranges.join(", ")),
        state,
    ]
}

/// The slots from left to right: each primary's in turn lighter and darker, with its port; what nobody serves is empty.
fn strip(ui: &mut Ui, cluster: &Cluster) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
    let colors = colors(ui);
    let painter = ui.painter();
    painter.rect_filled(rect, size::RADIUS_CONTROL, colors.code);
    let primaries = cluster.nodes.iter().filter(|node| node.primary.is_none());
    for (at, node) in primaries.enumerate() {
        for (first, last) in &node.slots {
            let x = |slot: f32| rect.left() + rect.width() * slot / SLOTS;
            let part = Rect::from_min_max(
                pos2(x(f32::from(*first)), rect.top()),
                pos2(x(f32::from(*last) + 1.0), rect.bottom()),
            );
            let ground = if node.problem.is_empty() {
                [colors.accent_ground, colors.hover][at % 2]
            } else {
                crate::app::theme::faint(colors.error, 0.3)
            };
            painter.rect_filled(part, 0.0, ground);
            if part.width() > 60.0 {
                text_at(
                    painter,
                    part.center(),
                    Align2::CENTER_CENTER,
                    &node.address,
                    fonts::small(),
                    colors.text,
                    part.width() - 8.0,
                );
            }
        }
    }
}
