//! Owns the drawing of the curves: SVG by hand, both axes logarithmic, one panel for each
//! operation.
//! Refuses to measure, and to need a plotting library.

use std::fmt::Write;

use crate::growth::Curve;

const WIDTH: f64 = 330.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 70.0;
const GAP: f64 = 75.0;
const COLOURS: [&str; 3] = ["#1a6fb5", "#c8501e", "#6b7b2c"];
/// Decades of the horizontal axis: 1 to 10,000 threads.
const ACROSS: i32 = 4;

/// The decades that hold all points. They are the same in all panels, so that the panels can be
/// compared.
#[derive(Clone, Copy)]
struct Decades {
    low: i32,
    high: i32,
}

impl Decades {
    fn of(curves: &[Curve]) -> Decades {
        let logs = || curves.iter().flat_map(|curve| &curve.points).map(|point| point.1.log10());
        let low = logs().fold(f64::INFINITY, f64::min).floor();
        let high = logs().fold(f64::NEG_INFINITY, f64::max).ceil();
        if low < high { Decades { low: low as i32, high: high as i32 } } else { Decades { low: 0, high: 1 } }
    }

    fn y(self, cost: f64) -> f64 {
        let part = (cost.log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        TOP + HEIGHT * (1.0 - part)
    }
}

pub(crate) fn growth(curves: &[Curve]) -> String {
    let mut panels: Vec<&str> = curves.iter().map(|curve| curve.panel).collect();
    panels.dedup();
    let decades = Decades::of(curves);
    let wide = LEFT + panels.len() as f64 * (WIDTH + GAP);
    let high = TOP + HEIGHT + 60.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {high}\" width=\"{wide}\" height=\"{high}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    text(
        &mut svg,
        LEFT,
        24.0,
        "start",
        "16",
        "Cost of one thread, by the number of threads (flat: growth is linear)",
    );
    for (place, panel) in panels.iter().enumerate() {
        let left = LEFT + place as f64 * (WIDTH + GAP);
        axes(&mut svg, left, panel, decades);
        let mine = curves.iter().filter(|curve| curve.panel == *panel);
        for (number, curve) in mine.enumerate() {
            draw(&mut svg, left, number, curve, decades);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn x(left: f64, threads: usize) -> f64 {
    left + WIDTH * (threads as f64).log10() / f64::from(ACROSS)
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, size: &str, words: &str) {
    let start = format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\">");
    push(svg, format_args!("{start}{words}</text>"));
}

fn push(svg: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(svg, "{line}").expect("a string takes all");
}

fn axes(svg: &mut String, left: f64, panel: &str, decades: Decades) {
    let (right, bottom) = (left + WIDTH, TOP + HEIGHT);
    text(svg, left + WIDTH / 2.0, TOP - 14.0, "middle", "14", panel);
    for exponent in decades.low..=decades.high {
        let cost = 10_f64.powi(exponent);
        let y = decades.y(cost);
        push(svg, format_args!("<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"#ddd\"/>"));
        text(svg, left - 6.0, y + 4.0, "end", "12", &format!("{cost}"));
    }
    for exponent in 0..=ACROSS {
        let threads = 10_usize.pow(exponent.unsigned_abs());
        let x = x(left, threads);
        push(svg, format_args!("<path d=\"M{x:.1} {TOP:.1}V{bottom:.1}\" stroke=\"#ddd\"/>"));
        text(svg, x, bottom + 18.0, "middle", "12", &grouped(threads));
    }
    push(
        svg,
        format_args!(
            "<rect x=\"{left:.1}\" y=\"{TOP:.1}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"#444\"/>"
        ),
    );
    text(svg, left + WIDTH / 2.0, bottom + 42.0, "middle", "13", "threads");
    let (x, y) = (left - 46.0, TOP + HEIGHT / 2.0);
    push(
        svg,
        format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 {x:.1} {y:.1})\">\
             µs per thread</text>"
        ),
    );
}

/// 10,000 for 10000.
fn grouped(number: usize) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}

fn draw(svg: &mut String, left: f64, number: usize, curve: &Curve, decades: Decades) {
    let colour = COLOURS[number % COLOURS.len()];
    let points: Vec<(f64, f64)> =
        curve.points.iter().map(|(threads, cost)| (x(left, *threads), decades.y(*cost))).collect();
    let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let line = line.join(" ");
    push(
        svg,
        format_args!("<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"),
    );
    for (x, y) in points {
        push(svg, format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"));
    }
    // The legend is at the upper right, where a flat curve does not go.
    let (x, y) = (left + WIDTH - 150.0, TOP + 18.0 + 18.0 * number as f64);
    let to = x + 18.0;
    push(svg, format_args!("<path d=\"M{x:.1} {y:.1}H{to:.1}\" stroke=\"{colour}\" stroke-width=\"3\"/>"));
    text(svg, x + 24.0, y + 4.0, "start", "12", curve.name);
}
