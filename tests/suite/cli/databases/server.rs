//! The databases that tests write into.

use crate::scratch::{Scratch, absent};
use mysql::prelude::Queryable;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A database that a test writes into.
pub(super) enum Server {
    Sqlite(rusqlite::Connection, String),
    Postgres(Box<postgres::Client>, String),
    Mysql(mysql::Conn, String),
}

/// Tests share a server: one at a time.
pub(super) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn address(variable: &str) -> Option<String> {
    let found = std::env::var(variable).ok();
    if found.is_none() {
        absent(
            variable,
            "Start servers with `.ci/databases start FOLDER` and export what it prints.",
        );
    }
    found
}

impl Server {
    pub(super) fn sqlite(scratch: &Scratch) -> Server {
        let file = scratch.path("shop.db");
        let connection = rusqlite::Connection::open(&file).expect("the folder can be written");
        Server::Sqlite(connection, format!("sqlite:{file}"))
    }

    pub(super) fn postgres() -> Option<Server> {
        let url = address("NAVE_POSTGRES")?;
        let client = postgres::Client::connect(&url, postgres::NoTls).expect("it lets us in");
        Some(Server::Postgres(Box::new(client), url))
    }

    pub(super) fn mysql() -> Option<Server> {
        let url = address("NAVE_MYSQL")?;
        let opts = mysql::Opts::from_url(&url).expect("an address");
        Some(Server::Mysql(mysql::Conn::new(opts).expect("it lets us in"), url))
    }

    pub(super) fn all(scratch: &Scratch) -> Vec<Server> {
        [Some(Server::sqlite(scratch)), Server::postgres(), Server::mysql()]
            .into_iter()
            .flatten()
            .collect()
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Server::Sqlite(..) => "sqlite",
            Server::Postgres(..) => "postgres",
            Server::Mysql(..) => "mysql",
        }
    }

    pub(super) fn url(&self) -> &str {
        match self {
            Server::Sqlite(_, url) | Server::Postgres(_, url) | Server::Mysql(_, url) => url,
        }
    }

    pub(super) fn run(&mut self, sql: &str) {
        match self {
            Server::Sqlite(connection, _) => connection.execute_batch(sql).expect(sql),
            Server::Postgres(client, _) => client.batch_execute(sql).expect(sql),
            Server::Mysql(connection, _) => {
                for statement in sql.split(';').filter(|text| !text.trim().is_empty()) {
                    connection.query_drop(statement).expect(statement);
                }
            }
        }
    }

    /// Ends the connection of a `nave` that waits in a `sleep`; says whether there was one.
    pub(super) fn ends_a_sleeper(&mut self) -> bool {
        match self {
            Server::Sqlite(..) => false,
            Server::Postgres(client, _) => {
                let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                           WHERE application_name = 'nave' AND wait_event = 'PgSleep'";
                client.query_one(sql, &[]).expect(sql).get::<_, i64>(0) > 0
            }
            Server::Mysql(connection, _) => {
                let sql =
                    "SELECT id FROM information_schema.processlist WHERE state = 'User sleep'";
                let found: Option<u64> = connection.query_first(sql).expect(sql);
                if let Some(id) = found {
                    connection
                        .query_drop(format!("KILL CONNECTION {id}"))
                        .expect("it may be killed");
                }
                found.is_some()
            }
        }
    }
}
