//! Numbers on the command line: a wrong one is told with what would be right.

use std::ops::RangeInclusive;

/// Reads a whole number within `range`.
pub(super) fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number: Option<u64> = text.parse().ok();
        number
            .filter(|number| range.contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| {
                let (least, most) = (range.start(), range.end());
                format!("must be a whole number from {least} to {most}")
            })
    }
}
