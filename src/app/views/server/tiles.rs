//! The figures of now, one each: what it is, how much, and what that is measured against.

use chrono::TimeDelta;
use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, Rect, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::app::format;
use crate::app::theme::{Tone, colors, fonts, line, size};
use crate::app::widgets::time_chart::Unit;
use crate::app::widgets::{Tip, table_card, text_at};
use crate::inspect::server::{Figure, Seen};

use super::charts::FRAGMENTATION;

const COLUMNS: usize = 5;
const HEIGHT: f32 = 68.0;

struct Tile {
    label: &'static str,
    value: String,
    detail: String,
    about: &'static str,
    tone: Option<Tone>,
}

/// Shows the tiles in two rows.
pub(super) fn show(ui: &mut Ui, seen: &Seen) {
    let tiles = tiles(seen);
    table_card(ui, |ui| {
        for (at, row) in tiles.chunks(COLUMNS).enumerate() {
            let place = ui.allocate_space(vec2(ui.available_width(), HEIGHT)).1;
            if at > 0 {
                let inside = place.shrink2(vec2(size::SPACE_16, 0.0));
                ui.painter()
                    .hline(inside.x_range(), place.top() + 0.5, line(colors(ui)));
            }
            let width = place.width() / COLUMNS as f32;
            for (at, tile) in row.iter().enumerate() {
                let left = place.left() + at as f32 * width;
                let rect = Rect::from_min_size(pos2(left, place.top()), vec2(width, HEIGHT));
                tile.show(ui, rect);
            }
        }
    });
}

impl Tile {
    fn show(&self, ui: &mut Ui, rect: Rect) {
        let response = ui.interact(rect, ui.scope_id().with(self.label), Sense::hover());
        let colors = colors(ui);
        let room = rect.width() - 2.0 * size::SPACE_16;
        let value = self.tone.map_or(colors.strong, |tone| colors.tone(tone));
        let said = |y: f32, text: &str, font, color| {
            text_at(
                ui.painter(),
                pos2(rect.left() + size::SPACE_16, rect.top() + y),
                Align2::LEFT_CENTER,
                text,
                font,
                color,
                room,
            );
        };
        said(16.0, self.label, fonts::small(), colors.weak);
        said(34.0, &self.value, fonts::heading(), value);
        said(52.0, &self.detail, fonts::small(), colors.weak);
        let name = format!("{} {}, {}", self.label, self.value, self.detail);
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
        response.tip(self.about);
    }
}

fn tiles(seen: &Seen) -> Vec<Tile> {
    let info = &seen.info;
    let over = |figure, span| seen.history.latest(figure, span);
    let rate = |figure, unit: Unit| {
        over(figure, TimeDelta::seconds(10)).map_or_else(|| "–".to_owned(), |rate| unit.text(rate))
    };
    let count = |name: &str| {
        info.number(name)
            .map_or_else(|| "–".to_owned(), format::count)
    };
    let in_bytes = |bytes: u64| Unit::Bytes.text(bytes as f64);
    let bytes = |name: &str| info.number(name).map_or_else(|| "–".to_owned(), in_bytes);
    let ratio = match (info.number("keyspace_hits"), info.number("keyspace_misses")) {
        (Some(hits), Some(misses)) if hits + misses > 0 => {
            let share = hits as f64 / (hits as f64 + misses as f64);
            format!("{} since start", format::percent(share))
        }
        _ => "nothing was looked up yet".to_owned(),
    };
    let limit = match info.number("maxmemory") {
        Some(0) | None => "no limit".to_owned(),
        Some(limit) => format!("of {}", in_bytes(limit)),
    };
    let fragmentation = info.measure("mem_fragmentation_ratio");
    let is_large = info.number("used_memory").unwrap_or_default() > 100 * 1024 * 1024;
    let is_bad = is_large && fragmentation.is_some_and(|ratio| !(0.9..=1.5).contains(&ratio));
    let cpu = over(Figure::Cpu, TimeDelta::seconds(10)).map_or_else(String::new, |share| {
        format!("{:.0} % of a core", share * 100.0)
    });
    let (keys, with_ttl) = info.keys();
    let uptime = info.uptime().map_or_else(String::new, |uptime| {
        format!(", up {}", format::long(uptime))
    });
    let evicted = over(Figure::Evicted, TimeDelta::seconds(10));
    vec![
        Tile {
            label: "Server",
            value: format!("{} {}", info.product(), info.version()),
            detail: format!("{}{uptime}", info.mode()),
            about: "What answers, how it is run (standalone, cluster or sentinel), and for how long.",
            tone: None,
        },
        Tile {
            label: "Hit ratio",
            value: over(Figure::HitRatio, TimeDelta::minutes(1))
                .map_or_else(|| "–".to_owned(), format::percent),
            detail: ratio,
            about: "Of the keys that any client looked up in the last minute, the share that was there. How our own reports fared stands below.",
            tone: None,
        },
        Tile {
            label: "Memory used",
            value: bytes("used_memory"),
            detail: format!("{limit}, peak {}", bytes("used_memory_peak")),
            about: "What the data and the server take, against maxmemory, and the most it ever was since the start.",
            tone: None,
        },
        Tile {
            label: "Fragmentation",
            value: fragmentation.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}")),
            detail: format!("{} held", bytes("used_memory_rss")),
            about: FRAGMENTATION,
            tone: is_bad.then_some(Tone::Stale),
        },
        Tile {
            label: "Keys",
            value: format::count(keys),
            detail: format!("{} with a TTL", format::count(with_ttl)),
            about: "Keys of all databases. One without a TTL stays until somebody deletes it or it is evicted.",
            tone: None,
        },
        Tile {
            label: "Commands",
            value: rate(Figure::Commands, Unit::PerSecond),
            detail: cpu,
            about: "Commands a second over the last 10 seconds, and how much of a processor core the server takes. Commands run in one thread: near 100 % they wait for one another.",
            tone: None,
        },
        Tile {
            label: "Clients",
            value: count("connected_clients"),
            detail: format!(
                "{} waiting, at most {}",
                count("blocked_clients"),
                count("maxclients")
            ),
            about: "Open connections, those of them that wait for something, and how many are let in.",
            tone: None,
        },
        Tile {
            label: "Evicted",
            value: rate(Figure::Evicted, Unit::PerSecond),
            detail: format!("{} since start", count("evicted_keys")),
            about: "Keys thrown out because memory was full. In a cache that is large enough there are none.",
            tone: evicted
                .is_some_and(|rate| rate > 0.0)
                .then_some(Tone::Stale),
        },
        Tile {
            label: "Expired",
            value: rate(Figure::Expired, Unit::PerSecond),
            detail: format!("{} since start", count("expired_keys")),
            about: "Keys whose TTL ended.",
            tone: None,
        },
        Tile {
            label: "Network out",
            value: rate(Figure::NetOut, Unit::BytesPerSecond),
            detail: format!("{} in", rate(Figure::NetIn, Unit::BytesPerSecond)),
            about: "Bytes a second to clients and from them, over the last 10 seconds.",
            tone: None,
        },
    ]
}
