//! The window: eframe wiring, state, commands, tasks.
