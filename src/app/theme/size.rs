//! Heights, widths, insets and radii, in points. Tables align because every one of them is a token.

/// Spacing: tight.
pub const SPACE_4: f32 = 4.0;
/// Spacing: between things that belong together.
pub const SPACE_8: f32 = 8.0;
/// Spacing: the inset of every region.
pub const SPACE_12: f32 = 12.0;
/// Spacing: inside a card.
pub const SPACE_16: f32 = 16.0;
/// Spacing: between groups.
pub const SPACE_24: f32 = 24.0;

/// Height of the top bar.
pub const TOP_BAR: f32 = 40.0;
/// Width of the rail.
pub const RAIL: f32 = 56.0;
/// Height of one place on the rail.
pub const RAIL_ITEM: f32 = 52.0;
/// Height of the status line.
pub const STATUS_LINE: f32 = 28.0;
/// Height of a row in a list.
pub const LIST_ROW: f32 = 24.0;
/// Height of a row in a table.
pub const TABLE_ROW: f32 = 22.0;
/// Height of a table's header.
pub const HEADER_ROW: f32 = 24.0;
/// Height of a button and of a one-line field.
pub const BUTTON: f32 = 26.0;
/// Height of a badge.
pub const BADGE: f32 = 20.0;

/// Corner radius of buttons and fields.
pub const RADIUS_CONTROL: f32 = 5.0;
/// Corner radius of cards and floating things.
pub const RADIUS_CARD: f32 = 8.0;

/// Side of an icon on the rail.
pub const ICON_RAIL: f32 = 17.0;
/// Side of any other icon.
pub const ICON: f32 = 14.0;
/// Stroke of icons.
pub const ICON_STROKE: f32 = 1.6;
