//! The boot timeline as an SVG picture: a bar for each phase, a line for each mark.

use std::fmt::Write as _;

use crate::timeline::{Outcome, Timeline};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 150.0;
const ROW: f64 = 22.0;
const TOP: f64 = 40.0;

/// Draws the timeline. Pure text, no fonts or scripts from elsewhere.
pub(crate) fn draw(timeline: &Timeline) -> String {
    let last = timeline.phases.iter().map(|p| p.end).chain(timeline.marks.iter().map(|m| m.at));
    let first = timeline.phases.iter().map(|p| p.start).fold(0.0, f64::min);
    let span = last.fold(timeline.ready.max(1.0), f64::max) - first;
    let scale = (WIDTH - LEFT - 20.0) / span;
    let rows = (timeline.phases.len() + timeline.marks.len()) as f64;
    let height = TOP + rows * ROW + 20.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"18\" font-weight=\"bold\">DockOS boot, {}: {} at {:.3} s</text>\n",
        escape(&timeline.kernel),
        escape(&timeline.result),
        timeline.ready
    );
    draw_seconds(&mut svg, first, span, scale, height);
    let mut y = TOP;
    for phase in &timeline.phases {
        let (x, wide) = (LEFT + (phase.start - first) * scale, ((phase.end - phase.start) * scale).max(1.0));
        let label = format!("{:.3} s  {}", phase.end - phase.start, phase.note.replace('\n', " "));
        let _ = writeln!(
            svg,
            "<text x=\"10\" y=\"{:.1}\">{}</text><rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"14\" \
             fill=\"{}\"><title>{}</title></rect>",
            y + 12.0,
            escape(&phase.name),
            y + 2.0,
            colour(phase.result),
            escape(&label)
        );
        y += ROW;
    }
    for mark in &timeline.marks {
        let x = LEFT + (mark.at - first) * scale;
        let _ = writeln!(
            svg,
            "<text x=\"10\" y=\"{:.1}\" fill=\"#555\">{}</text><circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"#b5f\">\
             <title>{:.3} s</title></circle>",
            y + 12.0,
            escape(&mark.name),
            y + 9.0,
            mark.at
        );
        y += ROW;
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_seconds(svg: &mut String, first: f64, span: f64, scale: f64, height: f64) {
    let step = if span > 20.0 { 5.0 } else { 1.0 };
    let mut second = (first / step).ceil() * step;
    while second <= first + span {
        let x = LEFT + (second - first) * scale;
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"28\" x2=\"{x:.1}\" y2=\"{height}\" stroke=\"#ddd\"/>\
             <text x=\"{x:.1}\" y=\"34\" font-size=\"9\" fill=\"#888\">{second}</text>"
        );
        second += step;
    }
}

fn colour(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "#4a90d9",
        Outcome::Failed => "#d0342c",
        Outcome::Skipped => "#bbb",
        Outcome::Waiting | Outcome::Running => "#e8a33d",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_the_config_cannot_break_the_picture() {
        let mut timeline = Timeline { result: "degraded: <b>&\"".into(), ..Timeline::default() };
        timeline.mark("desktop <script>");
        let svg = draw(&timeline);
        assert!(svg.contains("&lt;b&gt;&amp;&quot;") && !svg.contains("<script>"));
    }
}
