//! Owns the reading of a unit file of systemd: `TimeoutStopSec`, and the name of the program.
//! Refuses to read drop-ins: they are on the machine, and not in the repository.

use std::path::Path;
use std::time::Duration;

use crate::platform::limit::Limit;

/// The default of systemd (`DefaultTimeoutStopSec`).
const DEFAULT: Duration = Duration::from_secs(90);

/// Returns the limit of a unit; none if it is of no service, or is never killed.
pub(super) fn limits(text: &str) -> Vec<Limit> {
    let mut limit = Limit {
        line: 1,
        setting: "TimeoutStopSec",
        is_default: true,
        time: DEFAULT,
        before: Duration::ZERO,
        names: Vec::new(),
    };
    let (mut section, mut is_service) = ("", false);
    for (place, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            section = line;
        }
        let Some((key, value)) = line.split_once('=').filter(|_| section == "[Service]") else { continue };
        match (key.trim(), value.trim()) {
            ("ExecStart", command) => {
                is_service = true;
                let program = command.trim_start_matches(['-', '@', ':', '+', '!']).split_whitespace().next();
                let name = program.and_then(|program| Path::new(program).file_name()?.to_str());
                limit.names.extend(name.map(str::to_owned));
                if limit.is_default {
                    limit.line = place + 1;
                }
            }
            ("TimeoutStopSec" | "TimeoutSec", value) => {
                // `infinity`, or a value that systemd would refuse: there is no limit to judge.
                let Some(time) = span(value) else { return Vec::new() };
                (limit.line, limit.time, limit.is_default) = (place + 1, time, false);
            }
            _ => {}
        }
    }
    if is_service { vec![limit] } else { Vec::new() }
}

/// A time of systemd: `20`, `20s`, `1min 30s`. 0 is no limit.
fn span(text: &str) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "" | "s" | "sec" | "second" | "seconds" => Duration::from_secs(1),
            "ms" | "msec" => Duration::from_millis(1),
            "m" | "min" | "minute" | "minutes" => Duration::from_secs(60),
            "h" | "hr" | "hour" | "hours" => Duration::from_secs(3600),
            _ => return None,
        };
        sum += unit.saturating_mul(u32::try_from(number).ok()?);
        rest = rest[letters..].trim_start();
    }
    Some(sum).filter(|sum| !sum.is_zero())
}

#[cfg(test)]
mod tests {
    use super::{limits, span};
    use std::time::Duration;

    #[test]
    fn times_are_read_as_systemd_reads_them() {
        for (text, seconds) in [("20", 20), ("20s", 20), ("1min 30s", 90), ("2h", 7200), ("1min30", 90)] {
            assert_eq!(span(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(span("500ms"), Some(Duration::from_millis(500)));
        for no_limit in ["infinity", "0", "", "soon"] {
            assert_eq!(span(no_limit), None, "{no_limit}");
        }
    }

    #[test]
    fn a_unit_names_its_program_and_has_a_default() {
        let read = limits("[Unit]\nTimeoutSec=1\n[Service]\nExecStart=-/usr/bin/web --port 80\n");
        let limit = read.first().expect("a service");
        assert_eq!((limit.time, limit.line, &*limit.names[0]), (Duration::from_secs(90), 4, "web"));
        assert!(limits("[Service]\nExecStart=/web\nTimeoutStopSec=infinity\n").is_empty());
        assert!(limits("[Socket]\nListenStream=80\n").is_empty());
    }
}
