/* The reference compile: what it takes, against what it took elsewhere, tells how much slower one
   machine's compiler runs than another's. It needs no header, is never run, and is the same to
   the byte wherever it is compiled. A change here makes every reference that was kept another one. */

typedef unsigned int word;

#define STEP(n) \
    switch ((x ^ n) & 7u) { \
    case 0: x = x * 2654435761u + table[(x >> 9) & 63u]; break; \
    case 1: for (i = 0; i < (x & 15u); i++) table[i] ^= x >> i; break; \
    case 2: x = (x << 13) | (x >> 19); y += x * n; break; \
    case 3: if (y > x) { word swap = x; x = y; y = swap; } else table[y & 63u] += n; break; \
    case 4: while (y & 1u) { y >>= 1; x += n; } break; \
    case 5: x ^= table[(y + n) & 63u] / ((y & 31u) + 1u); break; \
    case 6: for (i = n & 7u; i < 24u; i += 3u) y += table[i] * (x | i); break; \
    default: x -= y % (n + 3u); break; \
    }

#define FUNCTION(n) \
    word reference_##n(word *table, word x, word y) \
    { \
        word i; \
        STEP(n##1u) STEP(n##2u) STEP(n##3u) STEP(n##4u) STEP(n##5u) STEP(n##6u) \
        return x ^ y; \
    }

#define TEN(n) \
    FUNCTION(n##0) FUNCTION(n##1) FUNCTION(n##2) FUNCTION(n##3) FUNCTION(n##4) \
    FUNCTION(n##5) FUNCTION(n##6) FUNCTION(n##7) FUNCTION(n##8) FUNCTION(n##9)

TEN(1)
TEN(2)
