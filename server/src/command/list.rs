//! The one list of commands.
//!
//! Dispatch, COMMAND, `nave docs` and the table in `docs/commands.md` are all made from it, so they
//! cannot disagree. The lists of subcommands are in `subcommands`.

use super::subcommands::{CLIENT, COMMAND, CONFIG, IDENTITY};
use super::table::{ANY, BASE, Command, InQueue};
use super::{
    audiences, connection, definitions, introspection, quarantine, records, server_info, sources,
    transaction,
};

/// All commands, by group, in the order of the documentation.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "RECORD.PUT",
        syntax: "source json [level] [REVISE]",
        args: (2, 4),
        group: "Records",
        summary: "Writes what a source said, one JSON message, and answers once it has come as \
                  far as the level: memory, os, group or sync; if none is named group, and sync for a \
                  consent. With REVISE it takes the place of the record that has its message id.",
        reply: "map: `position`, `level`, `status` (`written`, `revised`, `duplicate` or `conflict`); \
                error `BROKEN`",
        example: r#"RECORD.PUT crm '{"type":"identify","userId":"7","traits":{"city":"Lyon"}}'"#,
        writes: true,
        run: Some(records::put),
        ..BASE
    },
    Command {
        name: "PROFILE.GET",
        syntax: "namespace value",
        args: (2, 2),
        group: "Profiles",
        summary: "The profile that an identifier belongs to.",
        reply: "map: `id`, `identifiers`, `traits`, `events`; null when nobody has the identifier",
        example: "PROFILE.GET email someone@example.org",
        run: Some(records::profile_get),
        ..BASE
    },
    Command {
        name: "PROFILE.GOLDEN",
        syntax: "namespace value",
        args: (2, 2),
        group: "Profiles",
        summary: "The golden record alone of the profile that an identifier belongs to, which is \
                  found sooner than the whole.",
        reply: "map: `id` and `traits`; null when nobody has the identifier",
        example: "PROFILE.GOLDEN email someone@example.org",
        run: Some(records::profile_golden),
        ..BASE
    },
    Command {
        name: "PROFILE.EXPLAIN",
        syntax: "namespace value",
        args: (2, 2),
        group: "Profiles",
        summary: "The facts about each trait of the profile that an identifier belongs to, the one \
                  that won first.",
        reply: "map: `id` and `traits`, names with lists of facts; null when nobody has the \
                identifier",
        example: "PROFILE.EXPLAIN email someone@example.org",
        run: Some(records::profile_explain),
        ..BASE
    },
    Command {
        name: "AUDIENCE.COUNT",
        syntax: "text",
        args: (1, 1),
        group: "Audiences",
        summary: "How many profiles an audience has: a condition on `p`, or a whole \
                  `SELECT count(*) FROM profiles p WHERE ...`.",
        reply: "integer",
        example: "AUDIENCE.COUNT \"(SELECT count(*) FROM purchase) >= 2\"",
        run: Some(audiences::count),
        ..BASE
    },
    Command {
        name: "AUDIENCE.QUERY",
        syntax: "text",
        args: (1, 1),
        group: "Audiences",
        summary: "The table of a statement: columns of profiles, or aggregates of groups.",
        reply: "map: `columns`, a list of headings, and `rows`, a list of lists",
        example: "AUDIENCE.QUERY \"SELECT p.country, count(*) FROM profiles p GROUP BY p.country\"",
        run: Some(audiences::query),
        ..BASE
    },
    Command {
        name: "AUDIENCE.EXPLAIN",
        syntax: "text [SQL]",
        args: (1, 2),
        group: "Audiences",
        summary: "The whole question and how it is answered; with SQL, the question as a statement \
                  for a warehouse.",
        reply: "map: `text`, `plan`, `count`; with SQL text",
        example: "AUDIENCE.EXPLAIN \"p.country = 'FR'\"",
        run: Some(audiences::explain),
        ..BASE
    },
    Command {
        name: "AUDIENCE.MEMBERS",
        syntax: "text [SELECT n name [name ...]] [WITH namespace] [LIMIT n] [AFTER cursor]",
        args: (1, ANY),
        group: "Audiences",
        summary: "The members in the order of their profile ids, 1,000 unless a limit says \
                  otherwise: with the values of n traits, with the identifiers of a namespace, \
                  from a cursor on.",
        reply: "map: `members`, a list of maps (`profile_id`, `traits`, `identifiers`), and `next`, \
                the cursor of the next page or null",
        example: "AUDIENCE.MEMBERS \"p.country = 'FR'\" SELECT 2 city age WITH email LIMIT 100",
        run: Some(audiences::members),
        ..BASE
    },
    Command {
        name: "AUDIENCE.BREAKDOWN",
        syntax: "text BY trait [trait]",
        args: (3, 4),
        group: "Audiences",
        summary: "How many profiles have each value of one trait, or of two, the most first.",
        reply: "map: as AUDIENCE.QUERY",
        example: "AUDIENCE.BREAKDOWN true BY country plan",
        run: Some(audiences::breakdown),
        ..BASE
    },
    Command {
        name: "AUDIENCE.TOP",
        syntax: "text BY trait [LIMIT n]",
        args: (3, 5),
        group: "Audiences",
        summary: "The profiles with the greatest values of a trait, 10 unless a limit says \
                  otherwise.",
        reply: "map: as AUDIENCE.QUERY",
        example: "AUDIENCE.TOP \"p.country = 'FR'\" BY age LIMIT 3",
        run: Some(audiences::top),
        ..BASE
    },
    audiences::OVERLAP,
    audiences::LIFT,
    audiences::AGGREGATE,
    Command {
        name: "QUARANTINE.COUNT",
        group: "Quarantine",
        summary: "How much could not be folded.",
        reply: "array of maps: `source`, `kind`, `about`, `count`",
        example: "QUARANTINE.COUNT",
        run: Some(quarantine::count),
        ..BASE
    },
    Command {
        name: "QUARANTINE.LIST",
        syntax: "[SOURCE name] [KIND record|conflict|value] [FIELD name] [LIMIT n] [AFTER position]",
        args: (0, ANY),
        group: "Quarantine",
        summary: "What could not be folded, in the order of the log, 1,000 unless a limit says \
                  otherwise, from a position on.",
        reply: "map: `items`, as `nave quarantine list --json`, and `next`, the position that the \
                next page comes after or null",
        example: "QUARANTINE.LIST SOURCE shop KIND value LIMIT 100",
        run: Some(quarantine::list),
        ..BASE
    },
    Command {
        name: "SOURCE.LIST",
        group: "Sources",
        summary: "The sources and their states.",
        reply: "map: names with maps, as `nave source list --json`",
        example: "SOURCE.LIST",
        run: Some(sources::list),
        ..BASE
    },
    Command {
        name: "SOURCE.SET",
        syntax: "name live|held|refused [REASON text]",
        args: (2, 4),
        group: "Sources",
        summary: "From now on takes what a source says, holds it back, or refuses it. Answers at \
                  level sync.",
        reply: "map: as `nave source hold --json`; `written` is 0 when it was so already",
        example: "SOURCE.SET shop held REASON \"prices are wrong\"",
        writes: true,
        run: Some(sources::set),
        ..BASE
    },
    Command {
        name: "QUALITY",
        syntax: "[SOURCE name] [DAYS n] [CHECK]",
        args: (0, 5),
        group: "Sources",
        summary: "How good what sources say is, day by day, and which expectations are not met; \
                  with CHECK, sources whose expectations ask for it are held when one is not met.",
        reply: "map: as `nave quality --json`; with CHECK also `held`, the sources that are held now",
        example: "QUALITY SOURCE shop DAYS 7",
        writes: true,
        run: Some(sources::quality),
        ..BASE
    },
    Command {
        name: "DEFINITION.LIST",
        syntax: "[ALL]",
        args: (0, 1),
        group: "Definitions",
        summary: "The definitions in force, and as one text that can be given back; with ALL, what \
                  is inferred stands in it as definitions.",
        reply: "map: as `nave define --show --json`",
        example: "DEFINITION.LIST",
        run: Some(definitions::list),
        ..BASE
    },
    Command {
        name: "DEFINITION.PUT",
        syntax: "toml [DROP n name [name ...]] [DRYRUN]",
        args: (1, ANY),
        group: "Definitions",
        summary: "Defines what a text of TOML says, and drops n definitions, all or nothing, or \
                  with DRYRUN tells what that would change. Answers at level sync.",
        reply: "map: as `nave define --json`",
        example: r#"DEFINITION.PUT 'trait.age.type = "integer"' DRYRUN"#,
        writes: true,
        run: Some(definitions::put),
        ..BASE
    },
    Command {
        name: "IDENTITY",
        syntax: "subcommand",
        group: "Server",
        summary: "Who is one person, and why.",
        subcommands: IDENTITY,
        ..BASE
    },
    Command {
        name: "STATS",
        group: "Server",
        summary: "What the store holds.",
        reply: "map: the fields of `nave stats --json`",
        example: "STATS",
        run: Some(records::stats),
        ..BASE
    },
    Command {
        name: "INFO",
        syntax: "[section ...]",
        args: (0, ANY),
        group: "Server",
        summary: "What the server is and does: sections server, clients, memory, persistence, \
                  stats, replication.",
        reply: "text: lines `name:value` under lines `# Section`",
        example: "INFO server",
        run: Some(server_info::info),
        ..BASE
    },
    Command {
        name: "TIME",
        group: "Server",
        summary: "The time of the machine.",
        reply: "array: seconds since 1970 and microseconds, as text",
        example: "TIME",
        run: Some(server_info::time),
        ..BASE
    },
    Command {
        name: "CONFIG",
        syntax: "subcommand",
        group: "Server",
        summary: "The settings that clients ask for.",
        subcommands: CONFIG,
        ..BASE
    },
    Command {
        name: "COMMAND",
        syntax: "[subcommand]",
        group: "Server",
        summary: "This table, as Redis clients read it.",
        reply: "array: an entry per command",
        example: "COMMAND",
        run: Some(introspection::all),
        subcommands: COMMAND,
        ..BASE
    },
    Command {
        name: "PING",
        syntax: "[text]",
        args: (0, 1),
        group: "Connection",
        summary: "Whether the server is there.",
        reply: "`PONG`, or the text",
        example: "PING",
        run: Some(connection::ping),
        ..BASE
    },
    Command {
        name: "ECHO",
        syntax: "text",
        args: (1, 1),
        group: "Connection",
        summary: "Gives the text back.",
        reply: "the text",
        example: "ECHO hello",
        run: Some(connection::echo),
        ..BASE
    },
    Command {
        name: "HELLO",
        syntax: "[2|3] [AUTH user password] [SETNAME name]",
        args: (0, ANY),
        group: "Connection",
        summary: "Chooses RESP2 or RESP3, and may show the password and name the connection.",
        reply: "map: `server`, `version`, `proto`, `id`, `mode`, `role`, `modules`",
        example: "HELLO 3 AUTH default secret",
        before_auth: true,
        in_queue: InQueue::Refused,
        run: Some(connection::hello),
        ..BASE
    },
    Command {
        name: "AUTH",
        syntax: "[user] password",
        args: (1, 2),
        group: "Connection",
        summary: "Shows the password. The only user is `default`.",
        reply: "`OK`",
        example: "AUTH secret",
        before_auth: true,
        in_queue: InQueue::Refused,
        run: Some(connection::auth),
        ..BASE
    },
    Command {
        name: "SELECT",
        syntax: "index",
        args: (1, 1),
        group: "Connection",
        summary: "Chooses the database. The only one is 0.",
        reply: "`OK`",
        example: "SELECT 0",
        run: Some(connection::select),
        ..BASE
    },
    Command {
        name: "CLIENT",
        syntax: "subcommand",
        group: "Connection",
        summary: "What the server knows about this connection.",
        subcommands: CLIENT,
        ..BASE
    },
    Command {
        name: "RESET",
        group: "Connection",
        summary: "As if the connection were new: RESP2, no name, nothing queued, the password \
                  not shown.",
        reply: "`RESET`",
        example: "RESET",
        before_auth: true,
        in_queue: InQueue::Runs,
        run: Some(connection::reset),
        ..BASE
    },
    Command {
        name: "QUIT",
        group: "Connection",
        summary: "Ends the connection after this reply.",
        reply: "`OK`",
        example: "QUIT",
        before_auth: true,
        in_queue: InQueue::Runs,
        run: Some(connection::quit),
        ..BASE
    },
    Command {
        name: "MULTI",
        group: "Batches",
        summary: "Queues the requests that follow, until EXEC.",
        reply: "`OK`; then `QUEUED` for each request",
        example: "MULTI",
        in_queue: InQueue::Runs,
        run: Some(transaction::multi),
        ..BASE
    },
    Command {
        name: "EXEC",
        group: "Batches",
        summary: "Runs what was queued, in order. Other connections may write in between, and a \
                  request that fails does not undo those before it.",
        reply: "array: a reply per request",
        example: "EXEC",
        in_queue: InQueue::Runs,
        run: Some(transaction::exec),
        ..BASE
    },
    Command {
        name: "DISCARD",
        group: "Batches",
        summary: "Forgets what was queued.",
        reply: "`OK`",
        example: "DISCARD",
        in_queue: InQueue::Runs,
        run: Some(transaction::discard),
        ..BASE
    },
];
