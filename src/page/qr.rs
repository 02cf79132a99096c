//! QR codes as drawings within a page.

use maud::{Markup, html};
use qrcode::{Color, QrCode};

/// The margin that readers need, in modules (ISO/IEC 18004).
const QUIET_ZONE: usize = 4;

/// `text` as a drawing, black on white whatever the page's colours; `None` where it is too long
/// for any code.
pub(super) fn draw(text: &str, label: &str) -> Option<Markup> {
    let code = QrCode::new(text).ok()?;
    let side = code.width() + 2 * QUIET_ZONE;
    let colors = code.to_colors();
    let rows = colors.chunks(code.width()).zip(QUIET_ZONE..);
    let path: String = rows.map(|(row, y)| dark_runs(row, y)).collect();
    Some(html! {
        svg.qr role="img" aria-label=(label) viewBox=(format!("0 0 {side} {side}"))
            shape-rendering="crispEdges" {
            path fill="#fff" d=(format!("M0 0h{side}v{side}H0z")) {}
            path fill="#000" d=(path) {}
        }
    })
}

/// One row's dark modules, neighbours as one stroke.
fn dark_runs(row: &[Color], y: usize) -> String {
    let mut path = String::new();
    let mut x = 0;
    for run in row.chunk_by(|left, right| left == right) {
        if run[0] == Color::Dark {
            let (at, length) = (x + QUIET_ZONE, run.len());
            path.push_str(&format!("M{at} {y}h{length}v1h-{length}z"));
        }
        x += run.len();
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dark_module_is_drawn_and_no_other() {
        let text = "upi://pay?pa=shop@bank&pn=Shop&am=1.00&cu=INR&tr=A17";
        let drawn = draw(text, "QR code").unwrap().into_string();
        let code = QrCode::new(text).unwrap();
        let mut seen = vec![Color::Light; code.width() * code.width()];
        let path = drawn.split("d=\"").nth(2).unwrap();
        for stroke in path.split('M').skip(1) {
            let numbers: Vec<usize> = stroke
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|number| number.parse().ok())
                .collect();
            let [x, y, length, ..] = numbers[..] else {
                panic!("{stroke}");
            };
            let from = (y - QUIET_ZONE) * code.width() + x - QUIET_ZONE;
            seen[from..from + length].fill(Color::Dark);
        }
        assert_eq!(seen, code.to_colors());
    }

    #[test]
    fn what_no_code_can_hold_is_not_drawn() {
        assert!(draw(&"a".repeat(3000), "QR code").is_none());
    }
}
