// Every bound of the program, with its reason. A queue, frame, line, wait or retry without a number here is a mistake.

const KiB = 1024
const MiB = 1024 * KiB

/** Bytes of one slab: about 1,800 messages of 145 bytes, whose header cells (64 bytes each) still fit a 1 MiB cache. */
export const SLAB_BYTES = 256 * KiB

/** Bytes of all slabs together; beyond it sources brake. */
export const SLABS_BYTES_MAX = 64 * MiB

/** Bytes that one source may have in open writes before it brakes (or, on UDP, drops). */
export const OPEN_WRITE_BYTES_MAX = 8 * MiB

/** Bytes of datagrams that may wait until the ones before them are worked on: with the kernel's 8 MiB 0.3 s of 400,000 a second. */
export const BURST_BYTES_MAX = 12 * MiB

/** Bytes that may wait for one destination before `when_full` decides. */
export const QUEUE_BYTES_MAX = 8 * MiB

/** Default of `max_message`: a longer one is chunked. */
export const MESSAGE_BYTES_MAX = 1 * MiB

/** Half frames of all connections together; beyond it the largest is chunked. */
export const HALF_FRAMES_BYTES_MAX = 64 * MiB

/** A half frame older than this is delivered, marked. */
export const HALF_FRAME_WAIT_MS = 30_000

/** At a stop, connections that are told the end are read until they have been quiet for so long, or are over … */
export const READ_OUT_QUIET_MS = 200

/** … and for no longer than this. */
export const READ_OUT_MS = 2_000

/** TCP keepalive starts after this much silence. Quiet connections are never closed. */
export const KEEPALIVE_MS = 60_000

/** Default of a syslog source's `max_connections`. */
export const CONNECTIONS_MAX = 10_000

/** All syslog sources together hold no more connections than this part of what the process may open. */
export const CONNECTIONS_OPEN_PART = 2

/** A connection that leaves fewer descriptors than this for files and other connections is turned away. */
export const DESCRIPTORS_KEPT = 16

/** The receive buffer that is asked of the kernel for each UDP socket; what it granted is logged. */
export const UDP_RECEIVE_BUFFER_BYTES = 8 * MiB

/** Reconnects wait this long at first, then twice as long each time, with jitter … */
export const RETRY_FIRST_MS = 250
/** … up to this. */
export const RETRY_MAX_MS = 30_000

/** A receiver that was lost is come back to when it has been well for this long, with jitter; each time it is lost before, twice as long … */
export const RECEIVER_WELL_MS = 10_000
/** … up to this. */
export const RECEIVER_WELL_MAX_MS = 300_000

/** A receiver that owes an answer (RELP), or has something in flight and takes nothing (TCP), is said to be late after so long. */
export const RECEIVER_LATE_MS = 10_000
/**
 * A TCP receiver whose system acknowledges nothing for so long (its machine is gone, or the way there) is given nothing more until it
 * does: the kernel would take it for a quarter of an hour, and then throw it away.
 */
export const RECEIVER_SILENT_MS = 10_000
/** While something is not acknowledged, it is asked after this often. */
export const RECEIVER_LOOK_MS = 1_000
/**
 * Of several TCP receivers one that takes nothing of what waits is left after so long. What is on its way there is then sent twice, so
 * that it is no less than what RELP receivers have (`RELP_ANSWER_WAIT_MS`).
 */
export const RECEIVER_STILL_MS = 90_000

/** A connection attempt is given up after this. */
export const CONNECT_WAIT_MS = 10_000
/** Of a name with several addresses the next is tried after this. (Node waits 250 ms, too short for a receiver far away.) */
export const CONNECT_ADDRESS_WAIT_MS = 2_500

/** A TLS handshake that is not done by then has failed: a silent peer holds a connection no longer. */
export const TLS_HANDSHAKE_WAIT_MS = 10_000
/** A TLS 1.3 client is done before the server has seen its certificate: it is listened for a refusal for twice as long as the
 * handshake took, and at least … */
export const TLS_REFUSAL_WAIT_MIN_MS = 100
/** … but no longer than this. */
export const TLS_REFUSAL_WAIT_MAX_MS = 2_000

/** Default of `drain`: how long SIGTERM waits for open writes. */
export const DRAIN_MS = 10_000

/** Default of a file destination's `max_files`: how many output files are kept open. */
export const OPEN_FILES_MAX = 10_000
/** … and no more of them than this part of what the process may open. */
export const FILES_OPEN_PART = 2

/** Descriptors that a file source keeps on quiet files, rotated ones too; beyond it they are closed and found again when they grow. */
export const FOLLOWED_OPEN_MAX = 512
/** … and no more of them than this part of what the process may open, shared by all file sources. */
export const FOLLOWED_OPEN_PART = 4

/** What is known of a followed file that is not there is kept for so long: an unmounted disk, a file without permission. */
export const GONE_FILE_MS = 7 * 24 * 3600 * 1000
/** … but of no more files than these: where a job moves each file away when it is finished, they are that many in a while. */
export const GONE_FILES_MAX = 10_000

/** A file that cannot be read is waited for so long before what came before it counts as seen: meanwhile no rotated file is let go of. */
export const UNREADABLE_FILE_MS = 3600 * 1000

/** Bytes rendered for output files and not written yet; beyond it batches wait as they are. */
export const FILE_BUFFER_BYTES_MAX = 8 * MiB

/** Spare buffers that a file destination keeps. */
export const OUTPUT_SPARE_BYTES_MAX = 8 * MiB

/** Output files of one destination that are opened, written, rotated at the same time: Node has four threads for it. */
export const FILES_AT_WORK_MAX = 64

/** Between two writes to a file lies this … */
export const FILE_PAUSE_MS = 5
/** … unless so much waits for it. */
export const FILE_PAUSE_BYTES = 64 * KiB

/** A file that cannot be written is tried again after this, then twice as long each time … */
export const FILE_RETRY_FIRST_MS = 100
/** … up to this: space that returns should not wait long to be used. */
export const FILE_RETRY_MAX_MS = 5_000

/** A pipe that is full is tried again after this, then twice as long each time: whoever reads it has made room meanwhile, or is slow. */
export const PIPE_RETRY_FIRST_MS = 10

/** While a file is written to, its name is looked up this often … */
export const NAME_CHECK_EVERY_MS = 1_000
/** … but no more names than this in a second. */
export const NAME_CHECKS_PER_S = 1_000

/** How long a file that was renamed while it was written to is watched for its removal: what compresses it syncs that first. */
export const RENAMED_FILE_WAIT_MS = 1000
export const RENAMED_FILE_LOOK_MS = 20

/** A file destination commits stream positions this often … */
export const COMMIT_EVERY_MS = 100
/** … and at once when so many bytes wait for it: half of what a source may have open. */
export const COMMIT_BYTES = 4 * MiB

/** A log of positions longer than this is rewritten. */
export const POSITION_LOG_BYTES_MAX = 4 * MiB

/** A stream that was silent for so long is forgotten. */
export const MARK_KEPT_DAYS = 90
/** … and one that is over after this: whoever sent the last of it may not have heard that it arrived. */
export const RETIRED_MARK_KEPT_DAYS = 7

/** Folders that are remembered as durable; beyond it they are synced anew. */
export const DURABLE_FOLDERS_MAX = 10_000

/** Rotated files are compressed in frames of so many bytes: a worker is never busy for long, memory stays small. */
export const COMPRESS_CHUNK_BYTES = 4 * MiB

/** A file destination looks this often whether a day is over and which files are idle … */
export const FILE_MINUTE_MS = 60_000
/** … and closes those of many that were not written to for so many minutes. */
export const IDLE_FILE_MINUTES = 10

/** Counters are logged this often. */
export const REPORT_EVERY_MS = 60_000

/** The highest count in a regular expression's `{n,m}` (RE_DUP_MAX in GNU's library). */
export const REGEX_REPEAT_MAX = 32_767

/** Groups inside groups, and quantifiers in a row, of a regular expression: they are read and compiled by recursion. */
export const REGEX_DEPTH_MAX = 250

/** Steps of a compiled regular expression, repeats written out: each character may touch all of them once. */
export const REGEX_STEPS_MAX = 50_000

/** Cells of a regular expression's transition table (4 bytes each) before it is emptied and begun again. */
export const REGEX_TABLE_CELLS_MAX = 512 * KiB

/** Ways to match (`a|b|c`) whose literals are told apart; a pattern with more says nothing about what it needs. */
export const REGEX_LITERAL_WAYS_MAX = 64

/** A configuration, a certificate or a key: what is larger is something else, such as /dev/zero. */
export const CONFIG_BYTES_MAX = 4 * MiB

/** Who takes over the data folder of a killed process is waited for so long by others who would do the same. */
export const TURN_WAIT_MS = 2_000

/** The path of a socket in the file system: sockaddr_un has 108 bytes, the last a NUL. */
export const SOCKET_PATH_BYTES_MAX = 107

/** Parentheses and NOTs inside one another in an expression, which is read and compiled by recursion. */
export const EXPRESSION_DEPTH_MAX = 250

/** The same of an expression with its filters in it, each AND, OR, NOT and reference counted. */
export const EXPRESSION_LEVELS_MAX = 1_000

/** Terms of an expression with its filters in it: each is compiled for itself. */
export const EXPRESSION_TERMS_MAX = 100_000

/** Messages to a worker thread that it has not answered: more is a mistake of the sender. */
export const WORKER_MESSAGES_MAX = 65_536

/** Sealed parts of archives that a search has open; a year has 365, and a process may open 256 or 1,024 files where nobody says more. */
export const ARCHIVE_READ_PARTS_MAX = 64

/** Decoded blocks that a search keeps, at about 1 MiB each and as much again for their tables. */
export const SEARCH_OPEN_BLOCKS_MAX = 24

/** Of blocks that are not open a search keeps which messages are selected, their times, and their senders: so much of each. */
export const SEARCH_KEPT_BYTES_MAX = 32 * MiB

/** Messages that a search holds to put them in the order of time, at 12 bytes each: as many as 300 blocks have. */
export const SEARCH_HELD_MESSAGES_MAX = 2_000_000

/** Of a block for which there is no room among them, so many are held at a time. */
export const SEARCH_HELD_OF_BLOCK_MIN = 64

/** Messages of blocks that are not open are gathered to be written block by block: so many, … */
export const SEARCH_GATHERED_ENTRIES_MAX = 65_536
/** … so many bytes of text at a time, … */
export const SEARCH_GATHERED_BYTES_MAX = 32 * MiB
/** … and while others are looked for no longer than this. */
export const SEARCH_GATHERED_MS = 250

/** A search writes about so many bytes at a time. */
export const SEARCH_WRITE_BYTES = 64 * 1024

/** Raw bytes of an archive's block: below it zstd finds less to share, above it a needle costs more to read. */
export const ARCHIVE_BLOCK_BYTES = 1 * MiB

/** A block of so many is left as it is; those of fewer are merged. */
export const ARCHIVE_LARGE_BYTES = ARCHIVE_BLOCK_BYTES / 2

/**
 * Raw bytes that an archive commits at once at most: three blocks, with the last batch. A source with 8 MiB open goes on when it is
 * below 4: after two such commits, while a third, of what is left, is encoded. With 4 MiB the second encoder slept up to half of the
 * time, with this a twelfth; with 2.5 blocks came out so small that the archive was 2 % larger.
 */
export const ARCHIVE_COMMIT_BYTES_MAX = 2.875 * MiB

/** A commit of so many raw bytes is made by two threads, and while the one before it is. */
export const ARCHIVE_SHARE_BYTES = 1.75 * MiB

/**
 * Blocks of fewer raw bytes are stored as they are: they will be merged soon, and one page more in the log costs less than
 * compressing thirty short columns, and unpacking them again.
 */
export const ARCHIVE_PLAIN_BYTES = 32 * 1024

/** Raw bytes handed to an archive's worker and not settled; beyond it writes wait in the destination. */
export const ARCHIVE_OPEN_BYTES_MAX = 16 * MiB

/** So many small blocks of one size class in a row are merged. */
export const ARCHIVE_MERGE_COUNT = 16

/** A day's file larger than this is followed by its next part. */
export const ARCHIVE_PART_BYTES_MAX = 4 * 1024 * MiB

/** SQLite's page cache of the file being written. */
export const ARCHIVE_CACHE_BYTES = 8 * MiB

/** A commit that failed is tried again after this, then twice as long each time … */
export const ARCHIVE_RETRY_FIRST_MS = 100
/** … up to this. */
export const ARCHIVE_RETRY_MAX_MS = 5_000

/** After the clock jumped forward by over a day, nothing expires for so long. */
export const ARCHIVE_EXPIRY_WAIT_MS = 24 * 60 * 60 * 1000

/** An archive looks this often for what has expired. */
export const ARCHIVE_SWEEP_MS = 60_000

/** A spool syncs no more often than this while it is busy, and begins at once when it was idle … */
export const SPOOL_SYNC_EVERY_MS = 20
/** … or when so many bytes wait: half of what a queue holds, so that the other half comes in during the sync. */
export const SPOOL_GROUP_BYTES = 4 * MiB

/** A spool's segments are this part of its bound: what `drop-oldest` drops at once, and what an acknowledgement frees … */
export const SPOOL_SEGMENTS = 16
/** … but no larger and no smaller than these. */
export const SPOOL_SEGMENT_BYTES_MAX = 64 * MiB
export const SPOOL_SEGMENT_BYTES_MIN = 64 * KiB

/** A spool that has nothing to give keeps a segment of so many bytes at most. */
export const SPOOL_IDLE_BYTES = 1 * MiB

/** Incoming streams that a spool remembers: 32 bytes each in every segment's head. */
export const SPOOL_MARKS_MAX = 65_536

/** Free bytes are asked for this often, and at once where they may have become too few. */
export const SPOOL_SPACE_CHECK_MS = 1_000

/** Acknowledgements are written down this often: what may be sent again after a crash to a receiver that trims no repeats. */
export const SPOOL_ACKNOWLEDGE_EVERY_MS = 1_000

/** A spool that cannot write tries again after this, then twice as long each time … */
export const SPOOL_RETRY_FIRST_MS = 100
/** … up to this. */
export const SPOOL_RETRY_MAX_MS = 5_000

/** At a stop, a receiver that acknowledges nothing for so long is not waited for: the rest is on the disk. */
export const SPOOL_DRAIN_STALL_MS = 1_000

/** Bytes of a RELP frame, and of what a `batch` becomes when it is unpacked: the largest `max_message` (16 MiB) and its head. */
export const RELP_FRAME_BYTES_MAX = 24 * MiB

/** A `batch` frame is closed at so many bytes of messages: one slab at the receiver, and enough for zstd to find repeats in. */
export const RELP_BATCH_BYTES = 224 * KiB

/** Frames of one connection that are being compressed. */
export const RELP_PACKING_MAX = 4

/** Bytes of messages in `batch` frames that are sent and not answered. */
export const RELP_WINDOW_BYTES = 8 * MiB

/** `syslog` commands that are sent and not answered: librelp's default. */
export const RELP_WINDOW_MESSAGES = 128

/** Streams in one `marks` or `retire` frame. */
export const RELP_STREAMS_MAX = 1024

/**
 * A RELP peer that owes an answer and gives none for so long is taken for dead: the connection is made anew. One of several that was
 * taken for dead, and has answered for no message since, is waited for only until it is late.
 */
export const RELP_ANSWER_WAIT_MS = 90_000

/** Bytes of answers that a peer has not read; beyond it nothing more is read from it. */
export const RELP_ANSWER_BYTES_MAX = 256 * KiB

/** Answers of one connection that are owed; beyond it nothing more is read from it. One to a row of `syslog` commands that came together is one. */
export const RELP_OWED_MAX = 1024

/** Messages in one `batch` frame, and runs: what a peer may make of few bytes. Senders stay at half. */
export const RELP_BATCH_COUNT_MAX = 128 * KiB
export const RELP_BATCH_RUNS_MAX = 16 * KiB
