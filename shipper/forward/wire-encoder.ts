// Messages as they go over the wire: RFC 6587 octet counting or newline framing over streams, one message a datagram.
//
// The default format is `received`: a message leaves byte for byte as it came. One without a header gets one, an
// RFC 5424 header from what is known of its origin, since the next hop cannot know it:
//
//   GET /index.html 200   →   <134>1 2026-11-20T10:00:00.123456+01:00 web-1 nginx - - - GET /index.html 200

import { headersOf } from '../../common/message/headers.ts'
import { lineFormat, type LineFormat, type LineFormatName } from '../../common/message/line-format.ts'
import { Output } from '../../common/message/output.ts'
import type { Batch, Origin } from '../../common/pipeline/batch.ts'
import { FORMAT_MASK, FORMAT_RAW, KIND, ROW } from '../../common/pipeline/header-table.ts'

export type Framing = 'octet' | 'newline'
