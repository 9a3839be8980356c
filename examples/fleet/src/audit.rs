//! The end of each job, as the database knows it: the proof that none was lost and none was
//! done twice.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use homebound::{Context, Result};
use postgres::Client;

use crate::fleet::End;
use crate::limits::PLATFORM;
use crate::queue::connect;

/// How much later than the word `stopping` an attempt may be written down: a worker that passed its
/// look at the stop in the same moment. Both clocks are of one machine.
const SAME_MOMENT: Duration = Duration::from_millis(250);

/// Adds jobs: `count` of a kind, each with an amount.
pub fn add_jobs(client: &mut Client, kind: &str, amounts: impl IntoIterator<Item = i32>) -> Result {
    let amounts: Vec<i32> = amounts.into_iter().collect();
    client.execute("insert into jobs (kind, amount) select $1, unnest($2::int[])", &[&kind, &amounts])?;
    Ok(())
}

/// Number of jobs that are neither done nor given up.
pub fn open_jobs(client: &mut Client) -> Result<i64> {
    Ok(client.query_one("select count(*) from jobs where state = 'ready'", &[])?.get(0))
}

/// Waits until all jobs are done or given up.
pub fn wait_for_jobs(cx: &Context, client: &mut Client, limit: Duration) -> Result {
    let begin = Instant::now();
    while open_jobs(client)? > 0 {
        if begin.elapsed() > limit {
            Err(format!("{} jobs are open after {limit:?}", open_jobs(client)?))?;
        }
        cx.sleep(Duration::from_millis(50))?;
    }
    Ok(())
}

/// The numbers of one trial.
#[derive(Debug)]
pub struct Balance {
    pub jobs: i64,
    pub done: i64,
    pub dead: i64,
    /// Results that there must be: one for a job, one for each step of a job of steps.
    pub due: i64,
    pub results: i64,
    pub distinct: i64,
    /// Number of processes with a result.
    pub by: i64,
    pub attempts: i64,
}

impl Balance {
    pub fn read(folder: &Path) -> Result<Balance> {
        let row = connect(folder)?.query_one(
            "select (select count(*) from jobs), (select count(*) from jobs where state = 'done'),
                (select count(*) from dead_letters),
                (select coalesce(sum(case when kind = 'steps' then amount else 1 end), 0) from jobs where state = 'done'),
                (select count(*) from results), (select count(*) from (select distinct job, step from results) as once),
                (select count(distinct split_part(worker, '/', 1)) from results), (select count(*) from attempts)",
            &[],
        )?;
        let [jobs, done, dead, due, results, distinct, by, attempts] =
            std::array::from_fn(|column| row.get(column));
        Ok(Balance { jobs, done, dead, due, results, distinct, by, attempts })
    }

    /// The faults of the jobs, in words.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut expect = |is: bool, fault: String| {
            if !is {
                faults.push(fault)
            }
        };
        expect(
            self.done + self.dead == self.jobs,
            format!("{} jobs are neither done nor given up", self.jobs - self.done - self.dead),
        );
        expect(self.distinct == self.due, format!("{} results are missing", self.due - self.distinct));
        expect(
            self.results == self.distinct,
            format!("{} results are there twice", self.results - self.distinct),
        );
        faults
    }
}

/// The faults of processes that were told to stop. Each must have ended with 0, within
/// the platform's patience, and must have taken no job after its word.
pub fn faults_of(folder: &Path, ends: &[End]) -> Result<Vec<String>> {
    let rows =
        connect(folder)?.query("select split_part(worker, '/', 1), max(at) from attempts group by 1", &[])?;
    let last: HashMap<String, SystemTime> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut faults = Vec::new();
    for end in ends.iter().filter(|end| !end.killed) {
        if end.code != Some(0) {
            faults.push(format!("{} ended with {:?}", end.name, end.code));
        }
        if end.took >= PLATFORM {
            faults.push(format!("{} took {:?} to end", end.name, end.took));
        }
        match (end.stopping, last.get(&end.name)) {
            (None, _) => faults.push(format!("{} did not say that it stops", end.name)),
            (Some(said), Some(took)) if *took > said + SAME_MOMENT => {
                faults.push(format!("{} took a job after it had said that it stops", end.name));
            }
            (Some(_), _) => {}
        }
    }
    Ok(faults)
}
