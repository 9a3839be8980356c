//! The table of jobs: how a job is taken, counted, done, put off and given up. All SQL that a
//! worker sends is here.

use std::path::Path;
use std::time::Duration;

use homebound::{BoxError, Result};
use postgres::{CancelToken, Client, Config, NoTls, Transaction};

use crate::limits::{LEASE, MOST_ATTEMPTS};

pub const SCHEMA: &str = "
    create table jobs (
        id bigint generated always as identity primary key,
        kind text not null,
        amount int not null,
        progress int not null default 0,
        state text not null default 'ready' check (state in ('ready', 'done', 'dead'))
    );
    create index on jobs (id) where state = 'ready';
    -- What the jobs are for. No key: a job that is done twice must be seen.
    create table results (job bigint not null, step int not null, worker text not null);
    -- No foreign key: a row of `jobs` is locked while its attempt is counted.
    create table attempts (
        id bigint generated always as identity primary key,
        job bigint not null,
        worker text not null,
        at timestamptz not null default clock_timestamp()
    );
    create index on attempts (job);
    create table dead_letters (job bigint not null, kind text not null, attempts bigint not null);
";

/// The beginnings of error codes that tell of the server: no connection, no resources such as disk
/// and memory, a shutdown or a crash, an error of the system.
const SERVERS: [&str; 4] = ["08", "53", "57P0", "58"];

/// The time that a server has to show that it is there.
const ANSWER: Duration = Duration::from_secs(1);

/// A job that this worker has taken. Its row is locked until the transaction ends.
pub struct Job {
    pub id: i64,
    pub kind: String,
    pub amount: i32,
    pub progress: i32,
}

/// An attempt that has been counted.
pub struct Attempt {
    pub id: i64,
    number: i64,
}

impl Attempt {
    pub fn is_one_too_many(&self) -> bool {
        self.number > MOST_ATTEMPTS
    }
}

/// The two connections of a worker.
pub struct Desk {
    /// Takes a job, does it and says that it is done, in one transaction.
    jobs: Client,
    /// Counts the attempts. What it writes stays, whatever becomes of the transaction.
    counter: Client,
    worker: String,
}

/// Opens a connection to the server behind the sockets in `folder`.
pub fn connect(folder: &Path) -> Result<Client> {
    let mut config = Config::new();
    config.host_path(folder).user("fleet").dbname("postgres").connect_timeout(Duration::from_secs(2));
    // For a server on another machine: a peer that is gone is noticed on both sides.
    config.keepalives_idle(Duration::from_secs(5)).tcp_user_timeout(Duration::from_secs(10));
    config.options(&format!("-c idle_in_transaction_session_timeout={}", LEASE.as_millis()));
    Ok(config.connect(NoTls)?)
}

impl Desk {
    pub fn open(folder: &Path, worker: String) -> Result<Desk> {
        Ok(Desk { jobs: connect(folder)?, counter: connect(folder)?, worker })
    }

    /// What ends the query that is running, from another thread.
    pub fn cancel_token(&self) -> CancelToken {
        self.jobs.cancel_token()
    }

    /// Takes the first job that is ready and that no other worker has locked. If this process dies,
    /// the server ends the transaction, and the job is ready again at once.
    pub fn take(&mut self) -> Result<Option<(Job, Task<'_>)>> {
        let mut transaction = self.jobs.transaction()?;
        let row = transaction.query_opt(
            "select id, kind, amount, progress from jobs where state = 'ready'
             order by id for update skip locked limit 1",
            &[],
        )?;
        let Some(row) = row else { return Ok(None) };
        let job = Job { id: row.get(0), kind: row.get(1), amount: row.get(2), progress: row.get(3) };
        let task = Task { transaction, counter: &mut self.counter, worker: &self.worker };
        Ok(Some((job, task)))
    }
}

impl Desk {
    /// Takes the count of an attempt back that a stop or the server has ended: it is none of the
    /// job's.
    pub fn forget(&mut self, attempt: i64) -> Result {
        self.counter.execute("delete from attempts where id = $1", &[&attempt])?;
        Ok(())
    }

    /// True if the server has failed, and not the job: it is gone, is about to go, or has no room
    /// left. A session that the server alone has ended, while it goes on, may be one of a job that
    /// takes longer than the lease, so that counts.
    pub fn is_servers_fault(&mut self, error: &BoxError) -> bool {
        let Some(error) = error.downcast_ref::<postgres::Error>() else { return false };
        match error.code() {
            Some(state) => SERVERS.iter().any(|class| state.code().starts_with(class)),
            // A broken connection has no code.
            None => self.counter.is_valid(ANSWER).is_err(),
        }
    }
}

/// A job in hand: the transaction in which it is taken, done and acknowledged. Dropped without one
/// of the endings below, it rolls back: the job is ready again, and has had no effect.
pub struct Task<'a> {
    transaction: Transaction<'a>,
    counter: &'a mut Client,
    worker: &'a str,
}

impl Task<'_> {
    /// Counts the attempt before the work begins, on the other connection: a job that kills its
    /// worker is counted all the same. The lock of the row sees to it that only one worker counts.
    pub fn count(&mut self, job: &Job) -> Result<Attempt> {
        let row = self.counter.query_one(
            "with this as (insert into attempts (job, worker) values ($1, $2) returning id)
             select id, (select count(*) from attempts where job = $1) + 1 from this",
            &[&job.id, &self.worker],
        )?;
        Ok(Attempt { id: row.get(0), number: row.get(1) })
    }

    /// A query of the job's own that takes as many seconds.
    pub fn query_for(&mut self, seconds: f64) -> Result {
        self.transaction.execute("select pg_sleep($1)", &[&seconds])?;
        Ok(())
    }

    /// The effect of one step of a job.
    pub fn add_result(&mut self, job: &Job, step: i32) -> Result {
        self.transaction
            .execute("insert into results values ($1, $2, $3)", &[&job.id, &step, &self.worker])?;
        Ok(())
    }

    /// Effect and acknowledgement become visible together, or neither does.
    pub fn done(mut self, job: &Job) -> Result {
        self.transaction.execute("update jobs set state = 'done' where id = $1", &[&job.id])?;
        Ok(self.transaction.commit()?)
    }

    /// Keeps the effect of the steps so far. Another worker goes on from there.
    pub fn put_off(mut self, job: &Job, progress: i32) -> Result {
        let values: [&(dyn postgres::types::ToSql + Sync); 2] = [&progress, &job.id];
        self.transaction.execute("update jobs set progress = $1 where id = $2", &values)?;
        Ok(self.transaction.commit()?)
    }

    /// Puts the job where a person will look at it.
    pub fn give_up(mut self, job: &Job) -> Result {
        let values: [&(dyn postgres::types::ToSql + Sync); 3] = [&job.id, &job.kind, &MOST_ATTEMPTS];
        self.transaction.execute("insert into dead_letters values ($1, $2, $3)", &values)?;
        self.transaction.execute("update jobs set state = 'dead' where id = $1", &[&job.id])?;
        Ok(self.transaction.commit()?)
    }
}
