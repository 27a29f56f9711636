/** The fields of an outgoing message in the forms in which old programs read and assign them. */
import type { OutgoingHttpHeaders } from 'node:http'
import { deprecate } from 'node:util'

import type { OutgoingMessage } from '../../outgoing.js'
import { defineAccessors } from '../node-parity/define-members.js'
import { fieldName, findField, putField, type FieldName } from './head.js'
import { kFields, kOutHeaders } from '../symbols.js'

/** Defines `[kOutHeaders]` on `prototype`, and `_headers` and `_headerNames` where Node's own prototype has them. */
export function defineFieldViews(prototype: OutgoingMessage, nodePrototype: object): void {
  defineAccessors(prototype, {
    [kOutHeaders]: {
      get() {
        const fields = this[kFields]
        if (fields === null) return null
        const map: Record<string, [string, unknown]> = Object.create(null)
        for (let i = 0; i < fields.length; i += 2) {
          const field = fields[i] as FieldName
          map[field.lower] = [field.name, fields[i + 1]]
        }
        return map
      },
      set(map: Record<string, [string, unknown]> | null) {
        this[kFields] = null
        if (!map) return
        this[kFields] = []
        for (const key of Object.keys(map)) this[kFields].push(fieldName(map[key]![0]), map[key]![1])
      },
    },
  })
  // Deprecated in Node 20 and 22, and removed in 24. Where they exist, Node's own accessors would read its hidden state.
  if ('_headers' in nodePrototype) {
    defineAccessors(prototype, {
      _headers: {
        get: deprecate(
          function (this: OutgoingMessage) {
            return this.getHeaders()
          },
          'OutgoingMessage.prototype._headers is deprecated',
          'DEP0066',
        ),
        set: deprecate(
          function (this: OutgoingMessage, headers: OutgoingHttpHeaders | null) {
            this[kFields] = null
            if (typeof headers === 'object' && headers !== null) {
              this[kFields] = []
              for (const name of Object.keys(headers)) putField(this[kFields], fieldName(name), headers[name])
            }
          },
          'OutgoingMessage.prototype._headers is deprecated',
          'DEP0066',
        ),
      },
      _headerNames: {
        get: deprecate(
          function (this: OutgoingMessage) {
            const fields = this[kFields]
            if (fields === null) return null
            const spellings: Record<string, string> = Object.create(null)
            for (let i = 0; i < fields.length; i += 2)
              spellings[(fields[i] as FieldName).lower] = (fields[i] as FieldName).name
            return spellings
          },
          'OutgoingMessage.prototype._headerNames is deprecated',
          'DEP0066',
        ),
        set: deprecate(
          function (this: OutgoingMessage, spellings: Record<string, string> | null) {
            const fields = this[kFields]
            if (fields === null || typeof spellings !== 'object' || spellings === null) return
            for (const lower of Object.keys(spellings)) {
              const at = findField(fields, lower)
              if (at !== -1) fields[at] = fieldName(spellings[lower]!)
            }
          },
          'OutgoingMessage.prototype._headerNames is deprecated',
          'DEP0066',
        ),
      },
    })
  }
}
