#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_internal.h"

struct arena_block {
  struct arena_block *next;
  size_t used, room;
  max_align_t bytes[];
};

enum { BLOCK_BYTES = 16 << 10 };

static struct arena_block *block_for(struct arena *arena, size_t size) {
  struct arena_block *block = arena->blocks;
  if (block && block->room - block->used >= size) return block;
  size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
  block = calloc(1, sizeof *block + room);
  if (!block) return NULL;
  block->room = room;
  /* A block made for one large thing goes behind the first, which may still have room for small ones. */
  struct arena_block **at = size > BLOCK_BYTES && arena->blocks ? &arena->blocks->next : &arena->blocks;
  block->next = *at;
  *at = block;
  return block;
}

void *arena_alloc(struct arena *arena, size_t size) {
  size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
  struct arena_block *block = block_for(arena, size);
  if (!block) {
    arena->out_of_memory = true;
    return NULL;
  }
  void *at = (char *)block->bytes + block->used;
  block->used += size;
  return at;
}

char *arena_copy(struct arena *arena, const char *text, size_t len) {
  char *copy = arena_alloc(arena, len + 1);
  if (copy) memcpy(copy, text, len);
  return copy;
}

char *arena_format(struct arena *arena, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int len = vsnprintf(NULL, 0, format, args);
  char *text = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);
  if (text) vsnprintf(text, (size_t)len + 1, format, again);
  va_end(again);
  va_end(args);
  return text;
}

void arena_free(struct arena *arena) {
  for (struct arena_block *block = arena->blocks, *next; block; block = next) {
    next = block->next;
    free(block);
  }
  *arena = (struct arena){0};
}
