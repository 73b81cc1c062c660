//! Toasts: what finished or failed while the user looked elsewhere.

use std::time::{Duration, Instant};

use eframe::egui::{Align2, Area, Context, CornerRadius, Frame, Id, Label, Margin, Order, vec2};

use super::{Button, mark};
use crate::app::theme::{Icon, Tone, colors, line, size, text};

/// One toast.
#[derive(Clone, Debug)]
pub struct Toast {
    /// What it means.
    pub tone: Tone,
    /// One sentence.
    pub text: String,
    /// When it goes; a failure stays longer because it must be read.
    pub until: Instant,
}

impl Toast {
    /// A toast that begins now.
    pub fn new(tone: Tone, text: impl Into<String>, now: Instant) -> Self {
        let seconds = if tone == Tone::Error { 12 } else { 5 };
        Self {
            tone,
            text: text.into(),
            until: now + Duration::from_secs(seconds),
        }
    }
}

/// Shows the toasts in the lower right corner and forgets those whose time is over.
pub fn toasts(ctx: &Context, list: &mut Vec<Toast>, now: Instant) {
    list.retain(|toast| toast.until > now);
    let Some(next) = list.iter().map(|toast| toast.until - now).min() else {
        return;
    };
    ctx.request_repaint_after(next);
    let mut closed = None;
    Area::new(Id::unique("toasts"))
        .order(Order::Foreground)
        .anchor(
            Align2::RIGHT_BOTTOM,
            vec2(-size::SPACE_12, -size::STATUS_LINE - size::SPACE_12),
        )
        .accessible_name("Messages")
        .show(ctx, |ui| {
            ui.set_max_width(380.0);
            for (i, toast) in list.iter().enumerate() {
                let colors = colors(ui);
                Frame::NONE
                    .fill(colors.raised)
                    .stroke(line(colors))
                    .shadow(ui.visuals().popup_shadow)
                    .corner_radius(CornerRadius::same(size::RADIUS_CARD as u8))
                    .inner_margin(Margin::symmetric(12, 8))
                    .show(ui, |ui| {
                        ui.horizontal(|ui| {
                            let (rect, _) = ui.allocate_exact_size(
                                vec2(12.0, 20.0),
                                eframe::egui::Sense::hover(),
                            );
                            mark(ui.painter(), colors, rect.center(), 9.0, toast.tone);
                            ui.scope(|ui| {
                                ui.set_max_width(300.0);
                                ui.add(Label::new(text::body(ui, &toast.text)).wrap());
                            });
                            if ui
                                .add(Button::icon_only(Icon::Cross, "Close message"))
                                .clicked()
                            {
                                closed = Some(i);
                            }
                        });
                    });
            }
        });
    if let Some(i) = closed {
        list.remove(i);
    }
}
