//! The trials: what happens to a fleet in real life, and what must hold all the same.

use std::time::{Duration, Instant};

use homebound::{Process, Result, Scope};
use postgres::Client;
use rustix::process::Signal;

use crate::audit::{Balance, add_jobs, faults_of, open_jobs, wait_for_jobs};
use crate::chance::Chance;
use crate::database::{Database, crash};
use crate::fleet::Fleet;
use crate::limits::{MOST_ATTEMPTS, SHIELD};
use crate::queue::connect;

/// The longest time for all jobs of a trial to end.
const PATIENCE: Duration = Duration::from_secs(60);
const PROCESSES: usize = 3;
const WORKERS: usize = 2;

/// The outcome of a trial: a line to print, and the faults.
pub struct Outcome {
    pub text: String,
    pub faults: Vec<String>,
}

/// A trial: its name, and its function.
pub type Trial = fn(&Settings) -> Result<Outcome>;

pub const TRIALS: [(&str, Trial); 6] = [
    ("replace", replace),
    ("poison", poison),
    ("outage", outage),
    ("query", query),
    ("crashes", crashes),
    ("suspend", suspend),
];

pub struct Settings {
    pub seed: u64,
    /// Number of jobs, and of replacements, of the rolling restart.
    pub jobs: i32,
    pub replacements: u64,
}

/// What a trial plays on.
struct Stage<'scope, 'env, 'a> {
    scope: &'scope Scope<'scope, 'env>,
    database: &'a Database,
    server: Process<'scope>,
    fleet: Fleet<'scope, 'a>,
    /// The operator's own connection.
    client: Client,
}

impl Stage<'_, '_, '_> {
    fn wait_for_jobs(&mut self) -> Result {
        wait_for_jobs(self.scope.context(), &mut self.client, PATIENCE)
    }

    /// Waits until a worker has counted an attempt at a job that it has in hand. Returns the name
    /// of the worker's process.
    fn wait_for_taker(&mut self) -> Result<String> {
        loop {
            // A row that can be locked is in no worker's hand.
            let row = self.client.query_opt(
                "select split_part(worker, '/', 1) from attempts
                 where job not in (select id from jobs for update skip locked) order by id desc limit 1",
                &[],
            )?;
            match row {
                Some(row) => break Ok(row.get(0)),
                None => self.scope.context().sleep(Duration::from_millis(20))?,
            }
        }
    }
}

/// Runs `play` beside a database and a fleet; then stops the fleet and adds up.
fn with_fleet(play: impl FnOnce(&mut Stage<'_, '_, '_>) -> Result<Vec<String>>) -> Result<Outcome> {
    let database = Database::create()?;
    Ok(homebound::scope_named("trial", |scope| {
        let server = database.start(scope)?;
        database.prepare()?;
        let fleet = Fleet::start(scope, database.folder(), PROCESSES, WORKERS)?;
        let client = connect(database.folder())?;
        let mut stage = Stage { scope, database: &database, server, fleet, client };
        let mut faults = play(&mut stage)?;
        stage.fleet.stop(scope.context())?;
        let balance = Balance::read(database.folder())?;
        faults.extend(balance.faults());
        faults.extend(faults_of(database.folder(), &stage.fleet.ends)?);
        Ok(Outcome { text: text(&balance, &stage.fleet), faults })
    })?)
}

/// A rolling restart under load, in which some processes get no warning.
fn replace(settings: &Settings) -> Result<Outcome> {
    let mut chance = Chance::new(settings.seed);
    with_fleet(|stage| {
        // Longer than the pauses between two replacements: these save their progress.
        add_jobs(&mut stage.client, "steps", [20; 4])?;
        let amounts: Vec<i32> = (0..settings.jobs).map(|_| 5 + chance.below(40) as i32).collect();
        add_jobs(&mut stage.client, "sleep", amounts)?;
        // A job whose workers are killed as often as those of a killer is given up as one. The long
        // jobs are in hand at each kill.
        let mut kills = 1..MOST_ATTEMPTS;
        for _ in 0..settings.replacements {
            stage.scope.context().sleep(Duration::from_millis(50 + chance.below(200)))?;
            let kill = chance.below(3) == 0 && kills.next().is_some();
            stage.fleet.replace(stage.scope, kill)?;
        }
        stage.wait_for_jobs()?;
        Ok(Vec::new())
    })
}

/// Jobs that fail, that panic, and that end their process.
fn poison(_: &Settings) -> Result<Outcome> {
    with_fleet(|stage| {
        add_jobs(&mut stage.client, "panic", [0])?;
        add_jobs(&mut stage.client, "fail", [0])?;
        add_jobs(&mut stage.client, "sleep", [10; 50])?;
        stage.wait_for_jobs()?;
        // Alone, because each job beside it is counted as a suspect, too.
        add_jobs(&mut stage.client, "abort", [0])?;
        let begin = Instant::now();
        while open_jobs(&mut stage.client)? > 0 && begin.elapsed() < PATIENCE {
            stage.fleet.mend(stage.scope)?;
            stage.scope.context().sleep(Duration::from_millis(20))?;
        }
        stage.fleet.mend(stage.scope)?;
        add_jobs(&mut stage.client, "sleep", [10; 50])?;
        stage.wait_for_jobs()?;
        let mut faults = Vec::new();
        let dead = stage.client.query("select kind, attempts from dead_letters order by kind", &[])?;
        let dead: Vec<(String, i64)> = dead.iter().map(|row| (row.get(0), row.get(1))).collect();
        let due: Vec<_> = ["abort", "fail", "panic"].map(|kind| (kind.to_owned(), MOST_ATTEMPTS)).into();
        if dead != due {
            faults.push(format!("the dead letters are {dead:?}"));
        }
        // One process for each attempt at the job that aborts.
        if i64::try_from(stage.fleet.died)? != MOST_ATTEMPTS {
            faults.push(format!("{} processes died by themselves", stage.fleet.died));
        }
        Ok(faults)
    })
}

/// The database is gone for three seconds. No process ends: its supervisor starts the workers anew.
fn outage(settings: &Settings) -> Result<Outcome> {
    with_fleet(|stage| {
        add_jobs(&mut stage.client, "sleep", vec![20; usize::try_from(settings.jobs)?])?;
        stage.scope.context().sleep(Duration::from_millis(500))?;
        crash(&stage.server)?;
        stage.scope.context().sleep(Duration::from_secs(3))?;
        stage.server = stage.database.start(stage.scope)?;
        stage.client = connect(stage.database.folder())?;
        let open = open_jobs(&mut stage.client)?;
        stage.wait_for_jobs()?;
        stage.fleet.mend(stage.scope)?;
        let mut faults = Vec::new();
        if open == 0 {
            faults.push("all jobs were done before the outage, so it has shown nothing".to_owned());
        }
        faults.extend(stage.fleet.deaths());
        Ok(faults)
    })
}

/// The server crashes more often in the middle of one job than that job may be tried. The faults
/// are none of the job's, so it is done in the end.
fn crashes(_: &Settings) -> Result<Outcome> {
    with_fleet(|stage| {
        add_jobs(&mut stage.client, "sleep", [1500])?;
        for _ in 0..=MOST_ATTEMPTS {
            stage.wait_for_taker()?;
            // .. and until its attempt has been counted, on a second connection.
            stage.scope.context().sleep(Duration::from_millis(300))?;
            crash(&stage.server)?;
            stage.server = stage.database.start(stage.scope)?;
            stage.client = connect(stage.database.folder())?;
        }
        let open = open_jobs(&mut stage.client)?;
        stage.wait_for_jobs()?;
        stage.fleet.mend(stage.scope)?;
        let mut faults = Vec::new();
        if open == 0 {
            faults.push("the job was done between two crashes, so they have shown nothing".to_owned());
        }
        let dead: i64 = stage.client.query_one("select count(*) from dead_letters", &[])?.get(0);
        if dead > 0 || stage.fleet.died > 0 {
            faults.push(format!("{dead} jobs were given up, {} processes died", stage.fleet.died));
        }
        Ok(faults)
    })
}

/// A process is suspended with a job in hand for longer than the lease, and then goes on: as a
/// machine that sleeps, or whose host is overloaded. The job is another process's by then.
fn suspend(_: &Settings) -> Result<Outcome> {
    with_fleet(|stage| {
        add_jobs(&mut stage.client, "sleep", [1500])?;
        let taker = stage.wait_for_taker()?;
        let member = stage.fleet.member(&taker)?;
        member.signal(Signal::STOP)?;
        // Ends when the server has ended the session of the suspended worker.
        stage.wait_for_jobs()?;
        stage.fleet.member(&taker)?.signal(Signal::CONT)?;
        add_jobs(&mut stage.client, "sleep", [20; 50])?;
        stage.wait_for_jobs()?;
        stage.fleet.mend(stage.scope)?;
        let mut faults = Vec::new();
        let row = stage
            .client
            .query_one("select split_part(worker, '/', 1) from results order by job limit 1", &[])?;
        if row.get::<_, String>(0) == taker {
            faults.push(format!("{taker} has done a job that was not its own any more"));
        }
        faults.extend(stage.fleet.deaths());
        Ok(faults)
    })
}

/// SIGTERM comes in the middle of a long query: it is cancelled at the end of the shield, and
/// another process does the job.
fn query(_: &Settings) -> Result<Outcome> {
    with_fleet(|stage| {
        add_jobs(&mut stage.client, "query", [6000])?;
        let taker = stage.wait_for_taker()?;
        let place = stage.fleet.members.iter().position(|member| member.name == taker);
        let member = stage.fleet.members.remove(place.ok_or("the taker is not in the fleet")?);
        let end = member.stop(stage.scope.context())?;
        let mut faults = Vec::new();
        if end.took < SHIELD || end.took > SHIELD + Duration::from_secs(1) {
            faults.push(format!("the end took {:?}, with a shield of {SHIELD:?}", end.took));
        }
        stage.fleet.ends.push(end);
        stage.wait_for_jobs()?;
        let by: String =
            stage.client.query_one("select split_part(worker, '/', 1) from results", &[])?.get(0);
        if by == taker {
            faults.push(format!("{by} has done a job that it could not end"));
        }
        Ok(faults)
    })
}

/// The line of a trial.
fn text(balance: &Balance, fleet: &Fleet<'_, '_>) -> String {
    let (killed, told): (Vec<_>, Vec<_>) = fleet.ends.iter().partition(|end| end.killed);
    let times = told.iter().map(|end| end.took);
    let span = times.clone().min().zip(times.max());
    let span = span.map(|(least, most)| format!(" in {} to {} ms", least.as_millis(), most.as_millis()));
    format!(
        "{} jobs, {} results, {} distinct, {} dead letters, {} attempts, by {} processes; {} stopped{}, {} killed, {} died",
        balance.jobs,
        balance.results,
        balance.distinct,
        balance.dead,
        balance.attempts,
        balance.by,
        told.len(),
        span.unwrap_or_default(),
        killed.len(),
        fleet.died,
    )
}
