//! The window's frame: rail, palette, status line, themes.
