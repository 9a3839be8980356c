//! The files of `docs/deploy`, their page, and the example that they start agree, down to the sums
//! of their times. That a platform takes the files is `ci/deploy.sh`'s to show.

use crate::source::root;

/// The text of a file of the project.
fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

fn deployed(file: &str) -> String {
    read(&format!("docs/deploy/{file}"))
}

/// The number behind the first of these words in a text.
#[track_caller]
fn number(text: &str, before: &str) -> u64 {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {text}"));
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().unwrap_or_else(|_| panic!("no number behind {before:?}"))
}

/// A setting of the example, in seconds.
#[track_caller]
fn setting(name: &str) -> u64 {
    number(&read("examples/hosted.rs"), &format!(".{name}(Duration::from_secs("))
}

/// A row of a table of the page, by its first cell. All of its cells.
#[track_caller]
fn row(first: &str) -> Vec<String> {
    let page = deployed("README.md");
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let cells =
        rows.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect());
    let mut rows = cells.filter(|cells: &Vec<String>| cells[0] == first);
    rows.next().unwrap_or_else(|| panic!("no row {first:?} on the page"))
}

/// The last cell of such a row, in seconds.
#[track_caller]
fn seconds(first: &str) -> u64 {
    row(first)
        .last()
        .and_then(|cell| cell.trim_matches('*').strip_suffix(" s")?.parse().ok())
        .expect("seconds")
}

/// What homebound takes at the longest if *watch* hangs: `registry::shared::SPARE`.
const LAST_WORDS: u64 = 2;

#[test]
fn the_times_of_the_page_are_the_examples_and_their_sum_fits_each_platform() {
    let mut sum = LAST_WORDS;
    for name in ["drain_notice", "grace", "kill_after"] {
        assert_eq!(seconds(&format!("`{name}`")), setting(name), "{name}");
        sum += setting(name);
    }
    assert_eq!(seconds("last words"), LAST_WORDS);
    assert_eq!(seconds("**sum**"), sum);
    let page = deployed("README.md");
    let given = [
        number(&deployed("hosted.service"), "\nTimeoutStopSec="),
        number(&deployed("hosted.service"), "\nEnvironment=HOMEBOUND_PLATFORM_GRACE="),
        number(&deployed("hosted.yaml"), "terminationGracePeriodSeconds: "),
        number(&deployed("hosted.yaml"), "HOMEBOUND_PLATFORM_GRACE, value: \""),
        number(&page, "`docker stop -t "),
    ];
    assert!(given.iter().all(|time| *time > sum && *time == seconds("the platform's time")), "{given:?}");
    // The defaults, of which the page says the sum.
    assert!(page.contains("are 5 s + 2 s + 2 s = 9 s"));
}

#[test]
fn a_program_that_is_not_ready_or_stuck_is_ended_by_each_platform() {
    let (unit, manifest) = (deployed("hosted.service"), deployed("hosted.yaml"));
    let startup = manifest.split("startupProbe:").nth(1).expect("a startup probe");
    let start = number(&unit, "\nTimeoutStartSec=");
    assert_eq!(number(startup, "periodSeconds: ") * number(startup, "failureThreshold: "), start);
    assert_eq!(number(&deployed("Dockerfile"), "--start-period="), start);
    // The signs end when a thread is stuck, and the manager waits for longer than that for one.
    let stuck = setting("stuck_after");
    let stuck = read("examples/hosted.rs")
        .contains("Health::new().stuck_after")
        .then_some(stuck)
        .expect("looks at health");
    assert!(number(&unit, "\nWatchdogSec=") > stuck);
    assert!(row("`WatchdogSec=30`")[1].contains(&format!("`stuck_after` ({stuck} s in the example)")));
}

#[test]
fn all_files_are_about_one_program_and_one_probe_file() {
    let [unit, manifest, image] = ["hosted.service", "hosted.yaml", "Dockerfile"].map(deployed);
    let example = read("examples/hosted.rs");
    assert!(
        example.contains("temp_dir().join(\"hosted-ready\")")
            && example.contains("docs/deploy/hosted.service")
    );
    assert!(image.contains("cargo build --release --example hosted\n"));
    assert!(image.contains("/target/release/examples/hosted /usr/local/bin/hosted\n"));
    assert!(image.contains("ENTRYPOINT [\"/usr/local/bin/hosted\"]"));
    assert!(unit.contains("\nExecStart=/usr/local/bin/hosted\n"));
    let probe = "[\"test\", \"-f\", \"/tmp/hosted-ready\"]";
    assert_eq!(manifest.matches(&format!("exec: {{command: {probe}}}")).count(), 2);
    assert!(image.contains(&format!("CMD {probe}\n")));
    // What the program is built with runs where it is run.
    let releases: Vec<_> = image.lines().filter_map(|line| line.strip_prefix("FROM ")).collect();
    assert!(releases.iter().all(|base| base.contains("bookworm")) && releases.len() == 2, "{releases:?}");
}

/// The lines of a file that a page has to explain, each by the part before this character.
fn keys(file: &str, end: char) -> Vec<String> {
    let text = deployed(file);
    let keys = text.lines().filter_map(|line| Some(line.trim().split_once(end)?.0.to_owned()));
    keys.filter(|key| !key.is_empty()).collect()
}

#[test]
fn the_page_explains_each_line_that_is_a_choice() {
    let page = deployed("README.md");
    let own = |section: &str| {
        page.split("\n## ").find(|part| part.starts_with(section)).expect("a section").to_owned()
    };
    // Not a choice: which unit it is, and after which others it starts.
    let plain = ["Description", "After", "Wants", "WantedBy"];
    let unit = own("A unit of systemd");
    let unexplained: Vec<_> = keys("hosted.service", '=')
        .into_iter()
        .filter(|key| !plain.contains(&&**key) && !unit.contains(&format!("`{key}=")))
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
    let manifest = own("A manifest of Kubernetes");
    for key in ["terminationGracePeriodSeconds", "startupProbe", "readinessProbe", "emptyDir", "replicas"] {
        assert!(
            manifest.contains(&format!("`{key}")) && deployed("hosted.yaml").contains(&format!("{key}:")),
            "{key}"
        );
    }
    for absent in ["preStop", "livenessProbe"] {
        assert!(
            manifest.contains(&format!("no `{absent}`")) && !deployed("hosted.yaml").contains(absent),
            "{absent}"
        );
    }
    let image = own("A Dockerfile");
    for instruction in ["STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT"] {
        assert!(image.contains(&format!("`{instruction}")), "{instruction}");
        assert!(deployed("Dockerfile").contains(&format!("\n{instruction} ")), "{instruction}");
    }
}
