//! The second words of CONFIG, COMMAND and CLIENT: parts of the one list of commands in `table`.
//!
//! *Invariant:* a subcommand belongs to the group of its command and names none. *Where to start
//! reading:* `table`.

use super::table::{ANY, BASE, Command};
use super::{connection, identity, introspection, server_info};

/// The subcommands of IDENTITY.
pub(super) static IDENTITY: &[Command] = &[
    Command {
        name: "WHY",
        syntax: "namespace value namespace value",
        args: (4, 4),
        summary: "Whether two identifiers are one person: the evidence that joins them, or what keeps them apart.",
        reply: "map: one, profile and path; or one, profiles, path, refused and forbidden",
        example: "IDENTITY WHY user_id 7 email ann@example.org",
        run: Some(identity::why),
        ..BASE
    },
    Command {
        name: "CLUSTER",
        syntax: "namespace value",
        args: (2, 2),
        summary: "The identifiers of a profile, with all that was said of them.",
        reply: "map: profile, identifiers, links, crowded",
        example: "IDENTITY CLUSTER user_id 7",
        run: Some(identity::cluster),
        ..BASE
    },
    Command {
        name: "HISTORY",
        syntax: "namespace value",
        args: (2, 2),
        summary: "What became of a profile: joins, splits, changes of id, and what brought them about.",
        reply: "array: a map per change",
        example: "IDENTITY HISTORY user_id 7",
        run: Some(identity::history),
        ..BASE
    },
    Command {
        name: "RULES",
        summary: "The rules of identity in force, in TOML.",
        reply: "text",
        example: "IDENTITY RULES",
        run: Some(identity::rules),
        ..BASE
    },
];

/// The subcommands of CONFIG.
pub(super) static CONFIG: &[Command] = &[Command {
    name: "GET",
    syntax: "pattern [pattern ...]",
    args: (1, ANY),
    summary: "Settings whose names match; `*` and `?` stand for anything and any one character.",
    reply: "map: names with values",
    example: "CONFIG GET max*",
    run: Some(server_info::config_get),
    ..BASE
}];

/// The subcommands of COMMAND.
pub(super) static COMMAND: &[Command] = &[
    Command {
        name: "COUNT",
        summary: "How many commands there are.",
        reply: "integer",
        example: "COMMAND COUNT",
        run: Some(introspection::count),
        ..BASE
    },
    Command {
        name: "DOCS",
        syntax: "[name ...]",
        args: (0, ANY),
        summary: "What commands do and which arguments they take.",
        reply: "map: a map per command",
        example: "COMMAND DOCS RECORD.PUT",
        run: Some(introspection::docs),
        ..BASE
    },
    Command {
        name: "INFO",
        syntax: "[name ...]",
        args: (0, ANY),
        summary: "The entries of some commands.",
        reply: "array: an entry per name, null for a name that is no command",
        example: "COMMAND INFO PING",
        run: Some(introspection::info),
        ..BASE
    },
    Command {
        name: "LIST",
        summary: "The names of all commands.",
        reply: "array of names",
        example: "COMMAND LIST",
        run: Some(introspection::list),
        ..BASE
    },
];

/// The subcommands of CLIENT.
pub(super) static CLIENT: &[Command] = &[
    Command {
        name: "ID",
        summary: "The number of this connection.",
        reply: "integer",
        example: "CLIENT ID",
        run: Some(connection::client_id),
        ..BASE
    },
    Command {
        name: "INFO",
        summary: "One line about this connection.",
        reply: "text",
        example: "CLIENT INFO",
        run: Some(connection::client_info),
        ..BASE
    },
    Command {
        name: "GETNAME",
        summary: "The name of this connection.",
        reply: "text, or null",
        example: "CLIENT GETNAME",
        run: Some(connection::client_get_name),
        ..BASE
    },
    Command {
        name: "SETNAME",
        syntax: "name",
        args: (1, 1),
        summary: "Names this connection.",
        reply: "`OK`",
        example: "CLIENT SETNAME importer",
        run: Some(connection::client_set_name),
        ..BASE
    },
    Command {
        name: "SETINFO",
        syntax: "LIB-NAME|LIB-VER text",
        args: (2, 2),
        summary: "What the client library is.",
        reply: "`OK`",
        example: "CLIENT SETINFO LIB-NAME redis-py",
        run: Some(connection::client_set_info),
        ..BASE
    },
    Command {
        name: "NO-EVICT",
        syntax: "ON|OFF",
        args: (1, 1),
        summary: "Accepted for clients that send it; no connection is evicted.",
        reply: "`OK`",
        example: "CLIENT NO-EVICT ON",
        run: Some(connection::client_switch),
        ..BASE
    },
    Command {
        name: "NO-TOUCH",
        syntax: "ON|OFF",
        args: (1, 1),
        summary: "Accepted for clients that send it; reading changes nothing.",
        reply: "`OK`",
        example: "CLIENT NO-TOUCH ON",
        run: Some(connection::client_switch),
        ..BASE
    },
];
