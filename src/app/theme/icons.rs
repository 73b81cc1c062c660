//! Icons: strokes on a grid of 24, drawn by the painter so that they are sharp at every scale.

use eframe::egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, pos2, vec2};

use super::size;

/// An icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Icon {
    /// A sheet with lines.
    Reports,
    /// A key.
    Keys,
    /// Bars of different heights.
    Latency,
    /// Two arrows in a circle.
    Worker,
    /// Stacked boxes.
    Server,
    /// A prompt.
    Console,
    /// A tick.
    Check,
    /// A cross.
    Cross,
    /// A plus.
    Plus,
    /// A magnifying glass.
    Search,
    /// An arrow head downwards.
    Down,
    /// An arrow head to the right.
    Right,
    /// An arrow head upwards.
    Up,
    /// A square behind a square.
    Copy,
    /// A sun.
    Sun,
    /// A moon.
    Moon,
    /// An exclamation mark in a triangle.
    Warning,
    /// A pin-like arrow into a tray.
    Export,
    /// A bolt.
    Bolt,
}

impl Icon {
    /// Draws the icon into `rect` (a square) in `color`.
    pub fn paint(self, painter: &Painter, rect: Rect, color: Color32) {
        let pen = Pen {
            painter,
            rect,
            stroke: Stroke::new(size::ICON_STROKE, color),
        };
        match self {
            Self::Reports => {
                pen.open(&[
                    (14., 3.),
                    (6., 3.),
                    (5., 4.),
                    (5., 20.),
                    (6., 21.),
                    (18., 21.),
                    (19., 20.),
                    (19., 8.),
                ]);
                pen.open(&[(14., 3.), (19., 8.)]);
                pen.open(&[(9., 12.), (15., 12.)]);
                pen.open(&[(9., 16.5), (15., 16.5)]);
            }
            Self::Keys => {
                pen.circle((8., 15.5), 4.5);
                pen.open(&[(11.4, 12.1), (20., 3.5)]);
                pen.open(&[(16.5, 7.), (19.5, 10.)]);
            }
            Self::Latency => {
                pen.open(&[(4., 20.), (4., 13.)]);
                pen.open(&[(9.3, 20.), (9.3, 4.)]);
                pen.open(&[(14.7, 20.), (14.7, 10.)]);
                pen.open(&[(20., 20.), (20., 7.)]);
            }
            Self::Worker => {
                pen.arc((12., 12.), 8., 200., 340.);
                pen.arc((12., 12.), 8., 20., 160.);
                pen.open(&[(20., 4.5), (20., 9.5), (15., 9.5)]);
                pen.open(&[(4., 19.5), (4., 14.5), (9., 14.5)]);
            }
            Self::Server => {
                pen.closed(&[(3.5, 4.), (20.5, 4.), (20.5, 10.5), (3.5, 10.5)]);
                pen.closed(&[(3.5, 13.5), (20.5, 13.5), (20.5, 20.), (3.5, 20.)]);
            }
            Self::Console => {
                pen.open(&[(4., 6.), (10., 12.), (4., 18.)]);
                pen.open(&[(13., 18.), (20., 18.)]);
            }
            Self::Check => pen.open(&[(4., 12.5), (9.5, 18.), (20., 6.5)]),
            Self::Cross => {
                pen.open(&[(5.5, 5.5), (18.5, 18.5)]);
                pen.open(&[(18.5, 5.5), (5.5, 18.5)]);
            }
            Self::Plus => {
                pen.open(&[(12., 5.), (12., 19.)]);
                pen.open(&[(5., 12.), (19., 12.)]);
            }
            Self::Search => {
                pen.circle((10.5, 10.5), 6.);
                pen.open(&[(15., 15.), (20.5, 20.5)]);
            }
            Self::Down => pen.filled(&[(5., 8.), (19., 8.), (12., 17.)]),
            Self::Right => pen.filled(&[(8., 5.), (17., 12.), (8., 19.)]),
            Self::Up => pen.filled(&[(5., 16.), (12., 7.), (19., 16.)]),
            Self::Copy => {
                pen.closed(&[(9., 9.), (20., 9.), (20., 20.), (9., 20.)]);
                pen.open(&[(5.5, 15.), (4., 15.), (4., 4.), (15., 4.), (15., 5.5)]);
            }
            Self::Sun => {
                pen.circle((12., 12.), 4.2);
                for step in 0..8_u8 {
                    let (sin, cos) = (f32::from(step) * std::f32::consts::FRAC_PI_4).sin_cos();
                    pen.open(&[
                        (12. + 7.4 * cos, 12. + 7.4 * sin),
                        (12. + 10. * cos, 12. + 10. * sin),
                    ]);
                }
            }
            Self::Moon => {
                pen.arc((12., 12.), 8.5, 0., 270.);
                pen.arc((19., 5.), 7.0, 90., 180.);
            }
            Self::Warning => {
                pen.closed(&[(12., 3.5), (21.5, 20.), (2.5, 20.)]);
                pen.open(&[(12., 10.), (12., 14.5)]);
                pen.open(&[(12., 17.), (12., 17.4)]);
            }
            Self::Export => {
                pen.open(&[(12., 3.5), (12., 14.5)]);
                pen.open(&[(7.5, 10.5), (12., 15.), (16.5, 10.5)]);
                pen.open(&[(4., 16.), (4., 20.), (20., 20.), (20., 16.)]);
            }
            Self::Bolt => pen.closed(&[
                (13.5, 2.5),
                (5., 13.5),
                (11., 13.5),
                (10.5, 21.5),
                (19., 10.5),
                (13., 10.5),
            ]),
        }
    }
}

struct Pen<'a> {
    painter: &'a Painter,
    rect: Rect,
    stroke: Stroke,
}

impl Pen<'_> {
    fn at(&self, (x, y): (f32, f32)) -> Pos2 {
        self.rect.min + vec2(x, y) * (self.rect.width() / 24.0)
    }

    fn points(&self, points: &[(f32, f32)]) -> Vec<Pos2> {
        points.iter().map(|point| self.at(*point)).collect()
    }

    fn open(&self, points: &[(f32, f32)]) {
        self.painter
            .add(Shape::line(self.points(points), self.stroke));
    }

    fn closed(&self, points: &[(f32, f32)]) {
        self.painter
            .add(Shape::closed_line(self.points(points), self.stroke));
    }

    fn filled(&self, points: &[(f32, f32)]) {
        self.painter.add(Shape::convex_polygon(
            self.points(points),
            self.stroke.color,
            Stroke::NONE,
        ));
    }

    fn circle(&self, center: (f32, f32), radius: f32) {
        self.painter.circle_stroke(
            self.at(center),
            radius * self.rect.width() / 24.0,
            self.stroke,
        );
    }

    fn arc(&self, center: (f32, f32), radius: f32, from: f32, to: f32) {
        let center = self.at(center);
        let radius = radius * self.rect.width() / 24.0;
        let points = (0..=16_u8)
            .map(|step| {
                let angle = (from + (to - from) * f32::from(step) / 16.0).to_radians();
                pos2(
                    center.x + radius * angle.cos(),
                    center.y + radius * angle.sin(),
                )
            })
            .collect();
        self.painter.add(Shape::line(points, self.stroke));
    }
}
