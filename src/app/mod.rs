//! The window.
//!
//! A view reads [`state::State`] and sends a [`command::Command`]; `tasks` starts a task on tokio; the task sends an
//! [`event::Event`] and wakes the window; `App::logic` applies it; the next frame shows it. A frame never waits.
//!
//! | file | its one question |
//! | --- | --- |
//! | `window.rs` | how does eframe run it? |
//! | `ending.rs` | how does it end where the display does not work? |
//! | `memory.rs` | what is remembered from one start to the next? |
//! | `state/` | what is shown? |
//! | `command.rs` | what may a view ask for? |
//! | `commands.rs` | what is each command called, and which keys has it? |
//! | `tasks/` | how is a command carried out? |
//! | `event.rs` | what do tasks report? |
//! | `frame/` | top bar, rail, status line, palette |
//! | `theme/` | colours, sizes, faces, icons |
//! | `widgets/` | what are views made of? |
//! | `views/` | the views |
//!
//! # Adding a view
//!
//! 1. `views/NAME.rs` (or a folder): a state struct with `Default` and `apply(event)`, `enum Command`, `enum Event`,
//!    and `pub fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands)`. It names neither tokio nor redis nor
//!    sqlx, no raw colour and no raw size of a row: those are tokens of `theme`. `show` gets the whole middle of the
//!    window without a margin.
//! 2. A field in `state::State`, a variant in `command::Command`, `command::View` and `event::Event`, and a line each
//!    in `views::show`, `State::apply` and `frame/rail.rs`.
//! 3. `tasks/NAME.rs` with `perform(tasks, state, command)`: `tasks.spawn(state, Some("Scanning keys".into()), |task|
//!    async move { ... task.send(Event::Name(...)).await; })`. With a text it stands in the status line with Cancel;
//!    `task.cancel` is the token to obey. The answer carries `task.id`, and the view drops answers it no longer waits
//!    for. `tasks.session()` has the open workspace's engine, worker and demo.
//! 4. Commands that people look for also go into `commands::ALL` (palette and keys).
//!
//! Every control needs an accessible name; the widgets here take care of it, and tests find them by it.

pub mod command;
pub mod commands;
mod ending;
pub mod event;
pub mod frame;
pub mod memory;
mod options;
pub mod state;
pub mod tasks;
pub mod theme;
pub mod views;
pub mod widgets;
mod window;

pub use crate::human as format;
pub use options::{Options, Start};
pub use window::run;
