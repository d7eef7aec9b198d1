// Every bound of the program, with its reason. A queue, frame, line, wait or retry without a number here is a bug.

const KiB = 1024
const MiB = 1024 * KiB

/** Bytes of one slab: about 1,800 messages of 145 bytes, whose header cells (64 bytes each) still fit a 1 MiB cache. */
export const SLAB_BYTES = 256 * KiB

/** Total bytes of all slabs; beyond it sources brake. */
export const SLABS_BYTES_MAX = 64 * MiB

/** Bytes that one source may have in open writes before it brakes (or, on UDP, drops). */
export const OPEN_WRITE_BYTES_MAX = 8 * MiB

/** Bytes of datagrams that may wait while earlier ones are processed: together with the kernel's 8 MiB, 0.3 s of 400,000 a second. */
export const BURST_BYTES_MAX = 12 * MiB

/** Bytes that may wait for one destination; beyond it `when_full` decides. */
export const QUEUE_BYTES_MAX = 8 * MiB

/** Default of `max_message`: a longer one is chunked. */
export const MESSAGE_BYTES_MAX = 1 * MiB

/** Total bytes of the half frames of all connections; beyond it the largest is chunked. */
export const HALF_FRAMES_BYTES_MAX = 64 * MiB

/** A half frame older than this is delivered, marked as such. */
export const HALF_FRAME_WAIT_MS = 30_000

/** At a stop, half-closed connections are read until they end or have been quiet for this long … */
export const READ_OUT_QUIET_MS = 200

/** … but for no longer than this, not counting the time in which there is no room. */
export const READ_OUT_MS = 2_000

/** TCP keepalive starts after this much silence. Quiet connections are never closed. */
export const KEEPALIVE_MS = 60_000

/** Default of a syslog source's `max_connections`. */
export const CONNECTIONS_MAX = 10_000

/** All syslog sources together hold no more connections than the limit on open files divided by this. */
export const CONNECTIONS_OPEN_PART = 2

/** A connection that would leave fewer descriptors than this is refused: they are for files, spools and the archive. */
export const DESCRIPTORS_KEPT = 16

/** The receive buffer requested from the kernel for each UDP socket; what it grants is logged. */
export const UDP_RECEIVE_BUFFER_BYTES = 8 * MiB

/** The first reconnect waits this long, each further one twice as long, with jitter … */
export const RETRY_FIRST_MS = 250
/** … up to this. */
export const RETRY_MAX_MS = 30_000

/** A lost receiver is used again once it has been up for this long, with jitter; twice as long each time it is lost before that … */
export const RECEIVER_WELL_MS = 10_000
/** … up to this. */
export const RECEIVER_WELL_MAX_MS = 300_000

/** A receiver that owes an answer (RELP), or accepts nothing of what is in flight (TCP), is logged as slow after this. */
export const RECEIVER_LATE_MS = 10_000
/**
 * A TCP receiver whose system acknowledges nothing for this long (the machine or the network is gone) is given nothing more until it
 * does: the kernel would accept data for a quarter of an hour, and then discard it.
 */
export const RECEIVER_SILENT_MS = 10_000
/** While something is unacknowledged, the kernel is asked about it this often. */
export const RECEIVER_LOOK_MS = 1_000
/**
 * One of several TCP receivers that accepts nothing although messages are waiting is abandoned after this. What is in flight there is
 * then sent twice, so it has no less time than RELP receivers have (`RELP_ANSWER_WAIT_MS`).
 */
export const RECEIVER_STILL_MS = 90_000

/** Streams of which a `forward` or `stdout` remembers how far it was given them; those that have been silent for longest are forgotten. */
export const GIVEN_STREAMS_MAX = 65_536

/** A connection attempt is abandoned after this. */
export const CONNECT_WAIT_MS = 10_000
/** If a name has several addresses, the next one is tried after this. (Node waits 250 ms, too short for a distant receiver.) */
export const CONNECT_ADDRESS_WAIT_MS = 2_500

/** A TLS handshake that takes longer has failed, so that a silent peer does not keep its connection. */
export const TLS_HANDSHAKE_WAIT_MS = 10_000
/**
 * A TLS 1.3 client has finished before the server has seen its certificate, so it waits for a refusal: for twice as long as the
 * handshake took, but at least this …
 */
export const TLS_REFUSAL_WAIT_MIN_MS = 100
/** … and no longer than this. */
export const TLS_REFUSAL_WAIT_MAX_MS = 2_000

/** Default of `drain`: how long SIGTERM waits for open writes. */
export const DRAIN_MS = 10_000

/** Default of a file destination's `max_files`: how many output files are kept open. */
export const OPEN_FILES_MAX = 10_000
/** … but no more of them than the limit on open files divided by this. */
export const FILES_OPEN_PART = 2

/** Quiet files, including rotated ones, that a file source keeps open; beyond it they are closed, and found again when they grow. */
export const FOLLOWED_OPEN_MAX = 512
/** … but no more of them than the limit on open files divided by this, shared by all file sources. */
export const FOLLOWED_OPEN_PART = 4

/** What is known of a followed file that has disappeared is kept for this long: an unmounted disk, a file without permission. */
export const GONE_FILE_MS = 7 * 24 * 3600 * 1000
/** … but of at most this many files: a job that moves every finished file away makes that many in a while. */
export const GONE_FILES_MAX = 10_000

/** How long an unreadable file keeps the look in which it was found from counting as complete, and rotated files from being forgotten. */
export const UNREADABLE_FILE_MS = 3600 * 1000

/** Bytes rendered for output files and not written yet; beyond it batches wait as they are. */
export const FILE_BUFFER_BYTES_MAX = 8 * MiB

/**
 * Spare buffers that a file destination keeps: one is filled while another is written, and each may hold FILE_BUFFER_BYTES_MAX. With
 * half as much, buffers were dropped and grown again all the time, which took a fifth of the CPU of a server behind RELP.
 */
export const OUTPUT_SPARE_BYTES_MAX = 2 * FILE_BUFFER_BYTES_MAX

/** Output files of one destination that are opened, written or rotated at the same time: Node has four threads for it. */
export const FILES_AT_WORK_MAX = 64

/** The pause between two writes to a file … */
export const FILE_PAUSE_MS = 5
/** … unless this much is waiting for it. */
export const FILE_PAUSE_BYTES = 64 * KiB

/** A failed write to a file is retried after this, then twice as long each time … */
export const FILE_RETRY_FIRST_MS = 100
/** … up to this: space that becomes free should soon be used. */
export const FILE_RETRY_MAX_MS = 5_000

/** A write to a full pipe is retried after this, then twice as long each time: its reader has made room by then, or is slow. */
export const PIPE_RETRY_FIRST_MS = 10

/** While a file is written to, its name is looked up this often … */
export const NAME_CHECK_EVERY_MS = 1_000
/** … but no more names than this in a second. */
export const NAME_CHECKS_PER_S = 1_000

/** How long a file that was renamed while it was written to is watched for its removal: a compressor syncs its result first. */
export const RENAMED_FILE_WAIT_MS = 1000
export const RENAMED_FILE_LOOK_MS = 20

/** A file destination commits stream positions this often … */
export const COMMIT_EVERY_MS = 100
/** … and at once when this many bytes are waiting for it: half of what a source may have open. */
export const COMMIT_BYTES = 4 * MiB

/** A log of positions longer than this is rewritten. */
export const POSITION_LOG_BYTES_MAX = 4 * MiB

/** A stream that has been silent for this long is forgotten … */
export const MARK_KEPT_DAYS = 90
/** … and one that has ended after this: its sender may not have learnt yet that the end arrived. */
export const RETIRED_MARK_KEPT_DAYS = 7

/**
 * Streams of which an archive or a `file` destination remembers how far they are stored: as many as 5,000 machines with a dozen files each
 * have in a week of daily rotations. A peer may invent any number of streams, for 20 bytes each.
 */
export const STREAM_MARKS_MAX = 524_288
/** In an archive they take at most half of a part, at this many bytes each: every part begins with all of them. */
export const ARCHIVE_MARK_BYTES = 80

/** In how many folders below that of a file its unread rest is looked for: logrotate's `olddir` is most often one of them. */
export const OLD_FOLDERS_MAX = 64

/** Derived ids of streams that a forward remembers; beyond it all are derived again. */
export const DERIVED_IDS_MAX = 10_000

/** Folders that are remembered as durable; beyond it they are synced again. */
export const DURABLE_FOLDERS_MAX = 10_000

/** Rotated files are compressed in frames of this size, so that a worker is never busy for long and memory stays small. */
export const COMPRESS_CHUNK_BYTES = 4 * MiB

/** A file destination checks this often whether a day is over and which files are idle … */
export const FILE_MINUTE_MS = 60_000
/** … and, if it is templated, closes those that have not been written to for this many minutes. */
export const IDLE_FILE_MINUTES = 10

/** Counters are logged this often. */
export const REPORT_EVERY_MS = 60_000

/** The highest count in a regular expression's `{n,m}` (RE_DUP_MAX in GNU's library). */
export const REGEX_REPEAT_MAX = 32_767

/** Nested groups, and consecutive quantifiers, of a regular expression: they are parsed and compiled recursively. */
export const REGEX_DEPTH_MAX = 250

/** Steps of a compiled regular expression with its repeats expanded: each character may touch all of them once. */
export const REGEX_STEPS_MAX = 50_000

/** Cells of a regular expression's transition table (4 bytes each); when it is full, texts pass without it for a while, then it is built anew. */
export const REGEX_TABLE_CELLS_MAX = 512 * KiB

/** Alternatives (`a|b|c`) whose required literals are tracked; a pattern with more is searched for without an index. */
export const REGEX_LITERAL_WAYS_MAX = 64

/** Size of a configuration, certificate or key: anything larger is something else, such as /dev/zero. */
export const CONFIG_BYTES_MAX = 4 * MiB

/** Lists and groups of a configuration within one another; no option needs more than five. */
export const CONFIG_DEPTH_MAX = 100

/** A process that takes over the data folder of a killed one is waited for this long by others that want to do the same. */
export const TURN_WAIT_MS = 2_000

/** Length of the path of a Unix socket: sockaddr_un has 108 bytes, the last of them a NUL. */
export const SOCKET_PATH_BYTES_MAX = 107

/** Nested parentheses and NOTs of an expression, which is parsed and compiled recursively. */
export const EXPRESSION_DEPTH_MAX = 250

/** The same once its filters are inserted, counting each AND, OR, NOT and reference. */
export const EXPRESSION_LEVELS_MAX = 1_000

/** Terms of an expression once its filters are inserted: each is compiled separately. */
export const EXPRESSION_TERMS_MAX = 100_000

/** Unanswered messages to a worker thread: more is a bug in the sender. */
export const WORKER_MESSAGES_MAX = 65_536

/** Sealed parts of archives that a search holds open; a year has 365, and many systems let a process open only 256 or 1,024 files. */
export const ARCHIVE_READ_PARTS_MAX = 64

/** Decoded blocks that a search keeps, about 1 MiB each, and as much again for their tables. */
export const SEARCH_OPEN_BLOCKS_MAX = 24

/**
 * Bytes that a search keeps of blocks that are not open, of each of these: which messages are selected, their times, their senders, and
 * the rows of each sender.
 */
export const SEARCH_KEPT_BYTES_MAX = 32 * MiB

/** Messages, of 12 bytes each, that a search holds to put them in order of time: as many as 300 blocks have. */
export const SEARCH_HELD_MESSAGES_MAX = 2_000_000

/** Messages of a block that are held at a time if that bound leaves no room for it. */
export const SEARCH_HELD_OF_BLOCK_MIN = 64

/** Messages of blocks that are not open are gathered, and written block by block: at most this many at a time, … */
export const SEARCH_GATHERED_ENTRIES_MAX = 65_536
/** … of at most this many bytes of text, … */
export const SEARCH_GATHERED_BYTES_MAX = 32 * MiB
/** … and while more are looked for, at most for this long. */
export const SEARCH_GATHERED_MS = 250

/** Bytes that a search writes at a time, approximately. */
export const SEARCH_WRITE_BYTES = 64 * 1024

/** Raw bytes per archive block: smaller blocks compress worse, larger ones make it more expensive to read a single message. */
export const ARCHIVE_BLOCK_BYTES = 1 * MiB

/** Blocks of at least this size are left as they are; smaller ones are merged. */
export const ARCHIVE_LARGE_BYTES = ARCHIVE_BLOCK_BYTES / 2

/**
 * Most raw bytes that an archive commits at once: three blocks, including the last batch. A source with 8 MiB open continues when it is
 * below 4, that is after two such commits, while a third one is being encoded from what is left. With 4 MiB the second encoder was idle
 * for up to half of the time, with this for a twelfth; with 2.5 MiB blocks became so small that the archive was 2 % larger.
 */
export const ARCHIVE_COMMIT_BYTES_MAX = 2.875 * MiB

/** A commit of at least this many raw bytes is encoded by two threads, and while the one before it is being stored. */
export const ARCHIVE_SHARE_BYTES = 1.75 * MiB

/**
 * Blocks of fewer raw bytes are stored uncompressed: they will be merged soon, and an additional page in the log costs less than
 * compressing thirty short columns and decompressing them again.
 */
export const ARCHIVE_PLAIN_BYTES = 32 * 1024

/** Raw bytes handed to an archive's worker and not settled; beyond it writes wait in the destination. */
export const ARCHIVE_OPEN_BYTES_MAX = 16 * MiB

/** This many consecutive small blocks of one size class are merged. */
export const ARCHIVE_MERGE_COUNT = 16

/** A day's file larger than this is followed by its next part. */
export const ARCHIVE_PART_BYTES_MAX = 4 * 1024 * MiB

/** With a `max_size`, a file is at most this part of it, since only whole files are removed, and never the newest … */
export const ARCHIVE_PART_SHARE = 1 / 4
/** … but not smaller than this: each one begins with the marks of all streams, which may be 5 MiB. */
export const ARCHIVE_PART_BYTES_MIN = 16 * MiB

/** SQLite's page cache of the file being written. */
export const ARCHIVE_CACHE_BYTES = 8 * MiB

/** A failed commit is retried after this, then twice as long each time … */
export const ARCHIVE_RETRY_FIRST_MS = 100
/** … up to this. */
export const ARCHIVE_RETRY_MAX_MS = 5_000

/** After the clock has jumped forward by more than a day, nothing in archives and no rotated file expires for this long. */
export const EXPIRY_WAIT_MS = 24 * 60 * 60 * 1000

/** How often an archive looks for expired parts. */
export const ARCHIVE_SWEEP_MS = 60_000

/** While it is busy, a spool syncs no more often than this; it syncs at once when it was idle … */
export const SPOOL_SYNC_EVERY_MS = 20
/** … or when this many bytes are waiting: half of what a queue holds, so that the other half can come in during the sync. */
export const SPOOL_GROUP_BYTES = 4 * MiB

/** A segment is the size limit of the spool divided by this: what `drop-oldest` drops at once, and what an acknowledgement frees … */
export const SPOOL_SEGMENTS = 16
/** … within these bounds. */
export const SPOOL_SEGMENT_BYTES_MAX = 64 * MiB
export const SPOOL_SEGMENT_BYTES_MIN = 64 * KiB

/** On a full disk, the acknowledged messages of the newest segment are cut off if that frees so many bytes. */
export const SPOOL_CUT_BYTES_MIN = 64 * KiB

/** A spool with nothing left to deliver keeps a segment of at most this many bytes. */
export const SPOOL_IDLE_BYTES = 1 * MiB

/** Incoming streams that a spool remembers: 32 bytes each in every segment's head. */
export const SPOOL_MARKS_MAX = 65_536

/** Free space is checked this often, and at once when it may have become too little. */
export const SPOOL_SPACE_CHECK_MS = 1_000

/** Acknowledgements are saved this often: it is what may be sent again, after a crash, to a receiver that does not trim repeats. */
export const SPOOL_ACKNOWLEDGE_EVERY_MS = 1_000

/** A failed write of a spool is retried after this, then twice as long each time … */
export const SPOOL_RETRY_FIRST_MS = 100
/** … up to this. */
export const SPOOL_RETRY_MAX_MS = 5_000

/** At a stop, a receiver that acknowledges nothing for this long is not waited for: the rest is on disk. */
export const SPOOL_DRAIN_STALL_MS = 1_000

/** Bytes of a RELP frame, and of the uncompressed content of a `batch`: the largest `max_message` (16 MiB) and its header. */
export const RELP_FRAME_BYTES_MAX = 24 * MiB

/** A `batch` frame is closed at this many bytes of messages: one slab at the receiver, and enough for zstd to find repeats in. */
export const RELP_BATCH_BYTES = 224 * KiB

/** Frames of one connection that are compressed at the same time. */
export const RELP_PACKING_MAX = 4

/** Bytes of messages in unanswered `batch` frames. */
export const RELP_WINDOW_BYTES = 8 * MiB

/** Unanswered `syslog` commands: librelp's default. */
export const RELP_WINDOW_MESSAGES = 128

/** Streams in one `marks` or `retire` frame. */
export const RELP_STREAMS_MAX = 1024

/**
 * A RELP peer that owes an answer and gives none for this long is considered dead, and the connection is made again. One of several
 * receivers that was considered dead and has answered no message since has only until `RECEIVER_LATE_MS`.
 */
export const RELP_ANSWER_WAIT_MS = 90_000

/** Bytes of answers that a peer has not read; beyond it, nothing more is read from that peer. */
export const RELP_ANSWER_BYTES_MAX = 256 * KiB

/** Answers owed on one connection; beyond it, nothing more is read from it. Consecutive `syslog` commands that came together count as one. */
export const RELP_OWED_MAX = 1024

/** How long a RELP peer that has closed its writing side gets the answers that it is owed. A peer that gave up on them looks the same. */
export const RELP_END_WAIT_MS = 60_000

/** Messages, and runs, in one `batch` frame: a peer could announce many in few bytes. Senders use at most half. */
export const RELP_BATCH_COUNT_MAX = 128 * KiB
export const RELP_BATCH_RUNS_MAX = 16 * KiB

/** Bytes of the program's own log that nobody has read yet; beyond it, lines are left out. */
export const LOG_WAITING_BYTES_MAX = 1 * MiB
