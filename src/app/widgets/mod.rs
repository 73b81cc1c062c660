//! What every view is made of. A widget knows the tokens and nothing of reports, keys or databases.

mod badge;
mod blocks;
mod button;
mod card;
mod chart;
mod columns;
mod field;

pub mod grid;
mod list;
mod paint;
pub mod plot;
mod steps;
mod tick;
pub mod time_chart;
mod tip;
mod toast;

pub use badge::{Badge, Mark, Shape, dot, mark};
pub use blocks::{empty, error, loading, notice};
pub use button::Button;
pub use card::{
    FactValue, card, divider, fact, fact_with, group_title, inset, region_line, table_card,
};
pub use chart::{progress, sparkline};
pub use columns::{
    Cell, Column, column_row, column_row_to_copy, column_titles, column_titles_to_sort,
};
pub use field::{Field, field_label};
pub use list::ListRow;
pub use paint::{cut, elide, focus_ring, region, text_at, text_width};
pub use steps::{Step, StepState, steps};
pub use tick::{again, counts_down, counts_up};
pub use tip::Tip;
pub use toast::{Toast, toasts};
