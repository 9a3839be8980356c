//! Owns the reading of a manifest of Kubernetes: `terminationGracePeriodSeconds`, a `preStop` hook
//! that sleeps, and the names of containers and images.
//! Refuses to parse YAML: it reads lines, and a template with other lines than these says nothing.

use std::time::Duration;

use crate::platform::limit::Limit;

/// The default of Kubernetes.
const DEFAULT: Duration = Duration::from_secs(30);

/// Returns the limit of each document with containers.
pub(super) fn limits(text: &str) -> Vec<Limit> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    let mut start = 0;
    for end in (0..=lines.len()).filter(|at| lines.get(*at).is_none_or(|line| line.starts_with("---"))) {
        found.extend(limit(&lines[start..end], start));
        start = end.min(lines.len());
    }
    found
}

/// The limit of one document, whose first line has the number `first`, from 0.
fn limit(lines: &[&str], first: usize) -> Option<Limit> {
    let has = |key: &str| lines.iter().position(|line| value(line, key).is_some());
    // Other tools have files with the same endings.
    has("apiVersion")?;
    let place = has("containers")?;
    let mut limit = Limit {
        line: first + place + 1,
        setting: "terminationGracePeriodSeconds",
        is_default: true,
        time: DEFAULT,
        before: Duration::ZERO,
        names: Vec::new(),
    };
    for (place, line) in lines.iter().enumerate() {
        if let Some(written) = value(line, "terminationGracePeriodSeconds") {
            // A placeholder of a template: the time is not known.
            let seconds = written.parse().ok()?;
            (limit.line, limit.time, limit.is_default) =
                (first + place + 1, Duration::from_secs(seconds), false);
        } else if value(line, "preStop").is_some() {
            limit.before = limit.before.max(hook(&lines[place..]));
        } else if let Some(name) = value(line, "name") {
            limit.names.push(name.to_owned());
        } else if let Some(image) = value(line, "image") {
            let name = image.rsplit('/').next().and_then(|name| name.split([':', '@']).next());
            limit.names.extend(name.map(str::to_owned));
        }
    }
    Some(limit)
}

/// The value of a key that begins the line, after indentation and the mark of a list.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let line = line.trim_start().trim_start_matches("- ").trim_start();
    let written = line.strip_prefix(key)?.strip_prefix(':')?;
    let written = written.split(" #").next().unwrap_or(written);
    Some(written.trim().trim_matches(['"', '\'']))
}

/// How long a hook sleeps that begins with the first line: `sleep: {seconds: 5}`, or `sleep 5` as a
/// command.
fn hook(lines: &[&str]) -> Duration {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let inside = |line: &&&str| line.trim().is_empty() || depth(line) > depth(lines[0]);
    let text: Vec<_> =
        std::iter::once(&lines[0]).chain(lines[1..].iter().take_while(inside)).copied().collect();
    let text = text.join(" ");
    let words: Vec<_> = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let is_word = |word: &&str| ["sleep", "seconds"].contains(word);
    let number = words.windows(2).filter(|two| is_word(&two[0])).find_map(|two| two[1].parse().ok());
    Duration::from_secs(number.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::limits;
    use std::time::Duration;

    const POD: &str =
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: web\n      image: \"a/web:1\"\n";

    #[test]
    fn each_document_with_containers_has_a_limit() {
        let text = format!(
            "{POD}---\napiVersion: v1\nkind: Service\n---\n{POD}  terminationGracePeriodSeconds: 7 # s\n"
        );
        let read = limits(&text);
        let times: Vec<_> = read.iter().map(|limit| (limit.time.as_secs(), limit.line)).collect();
        assert_eq!(times, [(30, 4), (7, 17)]);
        assert_eq!(read[0].names, ["web", "web"]);
        assert!(limits("services:\n  web:\n    containers: 3\n").is_empty());
        assert!(
            limits(&format!("{POD}  terminationGracePeriodSeconds: {{{{ .Values.grace }}}}\n")).is_empty()
        );
    }

    #[test]
    fn a_hook_that_sleeps_is_counted() {
        for hook in [
            "preStop:\n          sleep:\n            seconds: 5\n",
            "preStop: {sleep: {seconds: 5}}\n",
            "preStop:\n          exec:\n            command: [\"sh\", \"-c\", \"sleep 5\"]\n",
            "preStop:\n          exec:\n            command:\n              - sleep\n              - \"5\"\n",
        ] {
            let read = limits(&format!("{POD}      lifecycle:\n        {hook}      ports: [9]\n"));
            assert_eq!(read[0].before, Duration::from_secs(5), "{hook}");
        }
        let read =
            limits(&format!("{POD}      lifecycle:\n        preStop:\n          httpGet: {{port: 80}}\n"));
        assert_eq!(read[0].before, Duration::ZERO);
    }
}
