//! Which functions may a report call? A read-only transaction does not hold back those that act on the server itself
//! (locks, files, replication, other sessions), and it cannot know what a loadable function does. So only functions
//! that are known to read are called; where PostgreSQL tells the volatility of a function, that decides
//! (`postgres/effects.rs`). A function of SQL Server cannot change anything by that server's own rules.

use crate::report::Dialect;

/// Functions that SQLite is built with, by its documentation ("Core", "Date And Time", "Aggregate", "Window",
/// "Mathematical" and "JSON Functions", FTS3 to FTS5, R*Tree), without `load_extension`, `fts3_tokenizer` and
/// `sqlite_log`.
const SQLITE: &str = "
    -> ->> abs acos acosh asin asinh atan atan2 atanh avg base64 base85 bm25 ceil ceiling changes char coalesce concat
    concat_ws cos cosh count cume_dist current_date current_time current_timestamp date datetime degrees dense_rank exp
    first_value floor format fts5_source_id glob group_concat hex highlight if ifnull iif instr json
    json_array json_array_insert json_array_length json_error_position json_extract json_group_array
    json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set
    json_type json_valid jsonb jsonb_array jsonb_array_insert jsonb_extract jsonb_group_array
    jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set julianday
    lag last_insert_rowid last_value lead length like likelihood likely ln log log10 log2 lower ltrim match matchinfo
    max median min mod nth_value ntile nullif octet_length offsets percent_rank percentile percentile_cont
    percentile_disc pi pow power printf quote radians random randomblob rank regexp regexpi replace round row_number
    rtreecheck rtreedepth rtreenode rtrim sha1 sign sin sinh snippet soundex sqlite_compileoption_get
    sqlite_compileoption_used sqlite_offset sqlite_source_id sqlite_version sqrt strftime string_agg subtype substr
    substring sum tan tanh time timediff total total_changes trim trunc typeof unhex unicode unistr unistr_quote
    unixepoch unlikely upper zeroblob";

/// Functions of MariaDB and MySQL, by their manuals' lists of built-in functions, without those that take locks, wait
/// for replication, change sequences, keys, firewalls or replication groups, and without LOAD_FILE, which reads files of
/// the server. A server may lack one of them and have a stored function of that name: `mysql/effects.rs` asks.
const MYSQL: &str = "
    abs acos add_months adddate addtime aes_decrypt aes_encrypt any_value ascii asin atan atan2 avg benchmark bin
    bin_to_uuid binary bit_and bit_count bit_length bit_or bit_xor can_access_column can_access_database
    can_access_table can_access_view cast ceil ceiling char char_length character_length charset chr coalesce
    coercibility collation column_add column_check column_create column_delete column_exists column_get column_json
    column_list compress concat concat_ws connection_id conv convert convert_tz cos cot count crc32 crc32c cume_dist
    curdate current_date current_role current_time current_timestamp current_user curtime database date date_add
    date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear decode decode_histogram default degrees
    dense_rank des_decrypt des_encrypt elt encode encrypt exp export_set extract extractvalue field find_in_set
    first_value floor format format_bytes format_pico_time found_rows from_base64 from_days from_unixtime get_format
    greatest group_concat grouping hex hour if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr interval
    is_free_lock is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_used_lock is_uuid isnull json_array json_array_append
    json_array_insert json_array_intersect json_arrayagg json_compact json_contains json_contains_path json_depth
    json_detailed json_equals json_exists json_extract json_insert json_key_value json_keys json_length json_loose
    json_merge json_merge_patch json_merge_preserve json_normalize json_object json_object_filter_keys
    json_object_to_array json_objectagg json_overlaps json_pretty json_query json_quote json_remove json_replace
    json_schema_valid json_schema_validation_report json_search json_set json_storage_free json_storage_size json_table
    json_type json_unquote json_valid json_value kdf lag last_day last_insert_id last_value lastval lcase lead least
    left length lengthb ln localtime localtimestamp locate log log10 log2 lower lpad ltrim make_set makedate
    maketime match max md5 median microsecond mid min minute mod month monthname name_const natural_sort_key now
    nth_value ntile nullif nvl nvl2 oct octet_length ord password percent_rank percentile_cont percentile_disc
    period_add period_diff pi position pow power ps_current_thread_id ps_thread_id quarter quote radians rand
    random_bytes rank regexp_instr regexp_like regexp_replace regexp_substr repeat replace reverse right
    roles_graphml round row row_count row_number rownum rpad rtrim schema sec_to_time second session_user sformat sha
    sha1 sha2 sign sin sleep soundex space sqrt statement_digest statement_digest_text std stddev stddev_pop
    stddev_samp str_to_date strcmp subdate substr substring substring_index subtime sum sys_guid sysdate system_user
    tan time time_format time_to_sec timediff timestamp timestampadd timestampdiff to_base64 to_char to_date to_days
    to_number to_seconds trim truncate ucase uncompress uncompressed_length unhex unix_timestamp updatexml upper user
    utc_date utc_time utc_timestamp uuid uuid_short uuid_to_bin uuid_v4 uuid_v7 validate_password_strength value
    values var_pop var_samp variance vec_distance vec_distance_cosine vec_distance_euclidean vec_fromtext vec_totext
    vector_dim version week weekday weekofyear weight_string xor year yearweek
    area asbinary astext aswkb aswkt boundary buffer centroid contains crosses dimension disjoint endpoint envelope
    equals exteriorring geomcollfromtext geometrycollection geometryn geometrytype geomfromtext geomfromwkb glength
    interiorringn intersects isclosed isempty isring issimple linefromtext linestring mbrcontains mbrcoveredby
    mbrcovers mbrdisjoint mbrequal mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin multilinestring multipoint
    multipolygon numgeometries numinteriorrings numpoints overlaps point pointfromtext pointn pointonsurface polyfromtext
    polygon srid startpoint touches within x y";

/// Whether a function of the database's own only reads; `parts` are the parts of its name in lower case.
pub(super) fn only_reads(parts: &[String], dialect: Dialect) -> bool {
    let listed = |list: &str, name: &str| list.split_ascii_whitespace().any(|known| known == name);
    match (dialect, parts) {
        (Dialect::Sqlite, [name]) => listed(SQLITE, name),
        // A name with its database is one of the users' own.
        (Dialect::MySql, [name]) => listed(MYSQL, name) || name.starts_with("st_"),
        (Dialect::Sqlite | Dialect::MySql, _) => false,
        // PostgreSQL is asked, and T-SQL's functions have no side effects.
        (Dialect::Postgres | Dialect::MsSql, _) => true,
    }
}
