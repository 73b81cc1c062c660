//! The data grid: paints only the cells that are seen, so that ten million rows cost as much as ten.
//!
//! It scrolls by rows and not by points, because a point offset in 32 bits cannot tell the rows of a long table apart.

mod header;
mod input;
mod scroll;

use std::borrow::Cow;

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align2, Color32, Id, Rect, Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::paint::{text_at, text_width};
use crate::app::theme::{Tone, colors, faint, fonts, line, size};

/// Space on both sides of a cell's text.
const INSET: f32 = 10.0;
/// The widest a column becomes by itself.
const WIDEST: f32 = 360.0;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its title.
    pub name: String,
    /// Numbers stand on the right.
    pub right: bool,
}

/// How a cell's text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Running text.
    #[default]
    Text,
    /// The name or number a person looks for.
    Strong,
    /// NULL, units, what matters less.
    Weak,
    /// Keys and values.
    Mono,
    /// A colour that means something.
    Tone(Tone),
}

/// What stands in a cell.
#[derive(Clone, Debug, Default)]
pub struct Cell<'a> {
    /// One line of text; the grid cuts it where the column ends.
    pub text: Cow<'a, str>,
    /// How it looks.
    pub style: Style,
    /// A dot before the text.
    pub dot: Option<Color32>,
}

/// Where a grid's cells come from.
pub trait Rows {
    /// The columns.
    fn columns(&self) -> &[Column];
    /// Number of rows.
    fn len(&self) -> usize;
    /// Whether there is no row.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// A cell; asked only for cells that are seen.
    fn cell(&self, row: usize, column: usize) -> Cell<'_>;
    /// What the pointer sees when it rests on a column's title.
    fn about(&self, _ui: &mut Ui, _column: usize) {}
    /// Whether [`Rows::about`] has something to show.
    fn has_about(&self, _column: usize) -> bool {
        false
    }
}

/// What a grid keeps from one frame to the next.
#[derive(Clone, Debug, Default)]
pub struct GridState {
    /// The selected row.
    pub row: Option<usize>,
    /// The selected column.
    pub column: usize,
    /// The column by which the rows are sorted, and whether downwards.
    pub sort: Option<(usize, bool)>,
    widths: Vec<f32>,
    /// Which widths the user has chosen.
    sized: Vec<bool>,
    refit: bool,
    names: Vec<String>,
    first: f64,
    x: f32,
    reveal: bool,
}

impl GridState {
    /// Forgets selection, sort and place, for other rows.
    pub fn reset(&mut self) {
        *self = Self {
            widths: std::mem::take(&mut self.widths),
            sized: std::mem::take(&mut self.sized),
            names: std::mem::take(&mut self.names),
            ..Self::default()
        };
    }

    /// Selects a row and brings it into view.
    pub fn select(&mut self, row: usize) {
        self.row = Some(row);
        self.reveal = true;
    }

    /// Other rows came, or came into sight: columns that are too narrow for them grow in the next frame.
    pub fn refit(&mut self) {
        self.refit = true;
    }

    /// Goes to the first row.
    pub fn to_top(&mut self) {
        self.first = 0.0;
        self.row = None;
    }
}

/// What is to be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyWhat {
    /// The selected cell.
    Cell,
    /// The selected row.
    Row,
    /// The selected column, all rows.
    Column,
    /// Everything, with the titles.
    All,
}

/// What the user did to a grid in this frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GridResponse {
    /// The sort changed; it is in [`GridState::sort`].
    pub sorted: bool,
    /// The selection changed.
    pub selected: bool,
    /// The row that was double-clicked or on which Enter was pressed.
    pub activated: Option<usize>,
    /// What is to be copied.
    pub copy: Option<CopyWhat>,
}

/// A grid.
#[must_use = "show it in a Ui"]
pub struct Grid<'a> {
    name: &'a str,
    numbered: bool,
    sortable: bool,
    dimmed: bool,
    left: f32,
}

impl<'a> Grid<'a> {
    /// A grid with an accessible name, which must be unique in the window.
    pub fn new(name: &'a str) -> Self {
        Self {
            name,
            numbered: false,
            sortable: true,
            dimmed: false,
            left: 0.0,
        }
    }

    /// A first column with the row's number.
    pub fn numbered(mut self) -> Self {
        self.numbered = true;
        self
    }

    /// Titles do not sort.
    pub fn unsortable(mut self) -> Self {
        self.sortable = false;
        self
    }

    /// What is shown is old, because something newer is on its way.
    pub fn dimmed(mut self, dimmed: bool) -> Self {
        self.dimmed = dimmed;
        self
    }

    /// Space before the first column.
    pub fn left(mut self, left: f32) -> Self {
        self.left = left;
        self
    }

    /// Shows the grid in all the space there is.
    pub fn show(self, ui: &mut Ui, state: &mut GridState, rows: &dyn Rows) -> GridResponse {
        let id = Id::unique(("grid", self.name));
        let rect = ui.available_rect_before_wrap();
        ui.advance_cursor_after_rect(rect);
        let mut out = GridResponse::default();
        Self::fit_columns(ui, state, rows);

        let header = Rect::from_min_size(rect.min, vec2(rect.width(), size::HEADER_ROW));
        let body = Rect::from_min_max(pos2(rect.left(), header.bottom()), rect.max);
        let layout = Layout::new(&self, ui, state, rows, body);
        let response = ui.interact(body, id, Sense::click());
        response.widget_info(|| {
            WidgetInfo::labeled(
                Role::Table,
                true,
                format!("{}, {} rows", self.name, rows.len()),
            )
        });
        input::pointer(ui, &response, state, rows, &layout, &mut out);
        input::keyboard(ui, &response, state, rows, &layout, &mut out);
        scroll::wheel(ui, body, state, &layout);

        let colors = colors(ui);
        let mut inner = ui.new_child(eframe::egui::UiBuilder::new().id_salt(id).max_rect(rect));
        inner.set_clip_rect(rect.intersect(ui.clip_rect()));
        if self.dimmed {
            inner.multiply_opacity(0.55);
        }
        self.rows(&inner, id, &response, state, rows, &layout);
        inner.painter().rect_filled(header, 0.0, colors.panel);
        header::show(
            &mut inner, id, header, &self, state, rows, &layout, &mut out,
        );
        inner
            .painter()
            .hline(rect.x_range(), header.bottom() - 0.5, line(colors));
        scroll::bars(&mut inner, id, state, &layout);
        input::menu(&response, state, &mut out);
        out
    }

    /// Gives each column a width from its title and the rows that are seen first; columns that the user has sized, or
    /// that were there before, keep theirs.
    fn fit_columns(ui: &Ui, state: &mut GridState, rows: &dyn Rows) {
        let same = state.names.len() == rows.columns().len()
            && state
                .names
                .iter()
                .zip(rows.columns())
                .all(|(name, column)| *name == column.name);
        if same && (!state.widths.is_empty() || rows.columns().is_empty()) {
            if std::mem::take(&mut state.refit) {
                for column in 0..state.widths.len() {
                    if !state.sized[column] {
                        state.widths[column] = state.widths[column].max(fit(ui, rows, column));
                    }
                }
            }
            return;
        }
        state.names = rows
            .columns()
            .iter()
            .map(|column| column.name.clone())
            .collect();
        state.widths = (0..rows.columns().len())
            .map(|column| fit(ui, rows, column))
            .collect();
        state.sized = vec![false; state.widths.len()];
        state.x = 0.0;
        // Without a row there is nothing to fit: try again when the first rows are here.
        if rows.is_empty() {
            state.names.clear();
        }
    }

    fn rows(
        &self,
        ui: &Ui,
        id: Id,
        response: &Response,
        state: &GridState,
        rows: &dyn Rows,
        layout: &Layout,
    ) {
        let colors = colors(ui);
        let painter = ui
            .painter()
            .with_clip_rect(layout.body.intersect(ui.clip_rect()));
        let hovered = response
            .hover_pos()
            .and_then(|pos| layout.row_at(state, pos.y));
        let first = state.first.floor() as usize;
        let last = (first + layout.visible.ceil() as usize + 1).min(rows.len());
        for row in first..last {
            let rect = layout.row_rect(state, row);
            let selected = state.row == Some(row);
            if selected {
                painter.rect_filled(rect, 0.0, colors.accent_ground);
            } else if hovered == Some(row) {
                painter.rect_filled(rect, 0.0, faint(colors.hover, 0.7));
            }
            let middle = rect.center().y;
            let mut spoken = String::new();
            if self.numbered {
                let number = crate::app::format::count(row as u64 + 1);
                let at = pos2(layout.number_right, middle);
                text_at(
                    &painter,
                    at,
                    Align2::RIGHT_CENTER,
                    &number,
                    fonts::small(),
                    colors.weak,
                    90.0,
                );
            }
            for (column, about) in rows.columns().iter().enumerate() {
                let place = layout.cell(state, column, rect);
                if place.right() < layout.body.left() || place.left() > layout.body.right() {
                    continue;
                }
                let cell = rows.cell(row, column);
                if spoken.len() < 200 {
                    spoken.push_str(if spoken.is_empty() { "" } else { ", " });
                    spoken.extend(cell.text.chars().take(60));
                }
                paint_cell(ui, &painter, place, about.right, &cell);
                if selected && column == state.column && response.has_focus() {
                    painter.rect_stroke(
                        place.shrink(1.0),
                        3.0,
                        Stroke::new(1.0, colors.accent),
                        StrokeKind::Inside,
                    );
                }
            }
            let node = ui.interact(
                rect.intersect(layout.body),
                id.with(("row", row)),
                Sense::hover(),
            );
            node.widget_info(|| WidgetInfo::selected(Role::Row, true, selected, &spoken));
        }
    }
}

fn paint_cell(ui: &Ui, painter: &eframe::egui::Painter, place: Rect, right: bool, cell: &Cell<'_>) {
    let colors = colors(ui);
    let (font, color) = match cell.style {
        Style::Text => (fonts::body(), colors.text),
        Style::Strong => (fonts::body(), colors.strong),
        Style::Weak => (fonts::body(), colors.weak),
        Style::Mono => (fonts::mono(), colors.text),
        Style::Tone(tone) => (fonts::body(), colors.tone(tone)),
    };
    let mut inner = place.shrink2(vec2(INSET, 0.0));
    if let Some(dot) = cell.dot {
        painter.circle_filled(pos2(inner.left() + 3.5, place.center().y), 3.5, dot);
        inner.min.x += 14.0;
    }
    let (at, align) = if right {
        (inner.right_center(), Align2::RIGHT_CENTER)
    } else {
        (inner.left_center(), Align2::LEFT_CENTER)
    };
    text_at(painter, at, align, &cell.text, font, color, inner.width());
}

/// How many rows are measured at the beginning, and as many again over the whole length.
const MEASURED: usize = 60;

/// The width that fits a column's title, its first rows, and rows from all over it up to the last.
fn fit(ui: &Ui, rows: &dyn Rows, column: usize) -> f32 {
    let title = text_width(ui, &rows.columns()[column].name, fonts::small_strong()) + 16.0;
    let len = rows.len();
    let over_all = (1..=MEASURED).map(|part| (len * part / MEASURED).saturating_sub(1));
    let measured = (0..len.min(MEASURED)).chain(over_all.filter(|row| *row < len));
    let widest = measured.map(|row| {
        let cell = rows.cell(row, column);
        let font = if cell.style == Style::Mono {
            fonts::mono()
        } else {
            fonts::body()
        };
        let shown: String = cell.text.chars().take(80).collect();
        text_width(ui, &shown, font) + if cell.dot.is_some() { 14.0 } else { 0.0 }
    });
    (widest.fold(title, f32::max) + 2.0 * INSET)
        .clamp(56.0, WIDEST)
        .ceil()
}

/// Where things are in this frame.
struct Layout {
    /// The rows and the bars beside them.
    outer: Rect,
    /// The rows.
    body: Rect,
    /// How many rows fit.
    visible: f64,
    /// Where columns begin, before scrolling sideways.
    left: f32,
    /// The right end of row numbers.
    number_right: f32,
    /// The width of all columns.
    width: f32,
    rows: usize,
}

impl Layout {
    fn new(grid: &Grid<'_>, ui: &Ui, state: &mut GridState, rows: &dyn Rows, body: Rect) -> Self {
        let number = if grid.numbered {
            let digits = crate::app::format::count(rows.len().max(10) as u64);
            text_width(ui, &digits, fonts::small()).max(18.0) + INSET + size::SPACE_12
        } else {
            0.0
        };
        let left = body.left() + grid.left + number;
        let width: f32 = state.widths.iter().sum();
        let outer = body;
        let body = scroll::beside_bars(body, left - body.left() + width, rows.len());
        let visible = f64::from(body.height() / size::TABLE_ROW);
        let layout = Self {
            outer,
            body,
            visible,
            left,
            number_right: left - INSET,
            width,
            rows: rows.len(),
        };
        if state.row.is_some_and(|row| row >= rows.len()) {
            state.row = None;
        }
        if std::mem::take(&mut state.reveal)
            && let Some(row) = state.row
        {
            let row = row as f64;
            if row < state.first {
                state.first = row;
            } else if row + 1.0 > state.first + visible {
                state.first = row + 1.0 - visible;
            }
        }
        state.first = state.first.clamp(0.0, layout.last_first());
        state.x = state.x.clamp(0.0, layout.last_x());
        layout
    }

    /// The furthest that one can scroll down.
    fn last_first(&self) -> f64 {
        (self.rows as f64 - self.visible).max(0.0)
    }

    /// The furthest that one can scroll sideways.
    fn last_x(&self) -> f32 {
        (self.left + self.width - self.body.right()).max(0.0)
    }

    fn row_rect(&self, state: &GridState, row: usize) -> Rect {
        let top =
            self.body.top() + ((row as f64 - state.first) * f64::from(size::TABLE_ROW)) as f32;
        Rect::from_min_size(
            pos2(self.body.left(), top.round()),
            vec2(self.body.width(), size::TABLE_ROW),
        )
    }

    fn row_at(&self, state: &GridState, y: f32) -> Option<usize> {
        let row = state.first + f64::from((y - self.body.top()) / size::TABLE_ROW);
        let row = row.floor();
        (row >= 0.0 && row < self.rows as f64).then_some(row as usize)
    }

    fn column_left(&self, state: &GridState, column: usize) -> f32 {
        self.left - state.x + state.widths[..column].iter().sum::<f32>()
    }

    fn cell(&self, state: &GridState, column: usize, row: Rect) -> Rect {
        let left = self.column_left(state, column);
        Rect::from_min_size(
            pos2(left, row.top()),
            vec2(state.widths[column], row.height()),
        )
    }

    fn column_at(&self, state: &GridState, x: f32) -> Option<usize> {
        let mut left = self.left - state.x;
        for (column, width) in state.widths.iter().enumerate() {
            if x >= left && x < left + width {
                return Some(column);
            }
            left += width;
        }
        None
    }
}
