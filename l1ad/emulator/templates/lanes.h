// Vectors of one event per lane, for whatever instructions the compiler was told the machine has; plain C++ where it has none.
// i32 holds one integer an event, i16 two neighbouring 16-bit integers an event, i64 one wide integer an event.
#pragma once
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-variable"  // values that only weights of zero take
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // of GCC's own header of these instructions, once it is inlined here
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <immintrin.h>
#endif
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors wider than the machine's never cross a call: everything is inlined

namespace {

#if defined(__AVX512BW__)
constexpr int LANES = 16;
#elif defined(__AVX2__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif
typedef int16_t i16 __attribute__((vector_size(4 * LANES)));
typedef int32_t i32 __attribute__((vector_size(4 * LANES)));
typedef int64_t i64 __attribute__((vector_size(8 * LANES)));

#define L1AD_INLINE static inline __attribute__((always_inline))

L1AD_INLINE i32 splat(int32_t value) { return value - i32{}; }

// Two 16-bit constants, the even column's in the low half of each lane.
L1AD_INLINE i16 pair(int32_t even, int32_t odd) {
  return (i16)splat((int32_t)(((uint32_t)odd << 16) | ((uint32_t)even & 0xffffu)));
}

L1AD_INLINE i32 even(i32 x) { return (i32)((x << 16) >> 16); }
L1AD_INLINE i32 odd(i32 x) { return x >> 16; }
L1AD_INLINE i32 join(i32 low, i32 high) { return (low & 0xffff) | (high << 16); }
L1AD_INLINE i64 widen(i32 x) { return __builtin_convertvector(x, i64); }
L1AD_INLINE i32 narrow(i64 x) { return __builtin_convertvector(x, i32); }

#if defined(__AVX512BW__)
L1AD_INLINE i32 least(i32 a, i32 b) { return (i32)_mm512_min_epi32((__m512i)a, (__m512i)b); }
L1AD_INLINE i32 most(i32 a, i32 b) { return (i32)_mm512_max_epi32((__m512i)a, (__m512i)b); }
L1AD_INLINE i16 least(i16 a, i16 b) { return (i16)_mm512_min_epi16((__m512i)a, (__m512i)b); }
L1AD_INLINE i16 most(i16 a, i16 b) { return (i16)_mm512_max_epi16((__m512i)a, (__m512i)b); }
#elif defined(__AVX2__)
L1AD_INLINE i32 least(i32 a, i32 b) { return (i32)_mm256_min_epi32((__m256i)a, (__m256i)b); }
L1AD_INLINE i32 most(i32 a, i32 b) { return (i32)_mm256_max_epi32((__m256i)a, (__m256i)b); }
L1AD_INLINE i16 least(i16 a, i16 b) { return (i16)_mm256_min_epi16((__m256i)a, (__m256i)b); }
L1AD_INLINE i16 most(i16 a, i16 b) { return (i16)_mm256_max_epi16((__m256i)a, (__m256i)b); }
#else
L1AD_INLINE i32 least(i32 a, i32 b) { return a < b ? a : b; }
L1AD_INLINE i32 most(i32 a, i32 b) { return a > b ? a : b; }
L1AD_INLINE i16 least(i16 a, i16 b) { return a < b ? a : b; }
L1AD_INLINE i16 most(i16 a, i16 b) { return a > b ? a : b; }
#endif
L1AD_INLINE i64 least(i64 a, i64 b) { return a < b ? a : b; }
L1AD_INLINE i64 most(i64 a, i64 b) { return a > b ? a : b; }

// In the next two the weight is an operand in memory, broadcast by the instruction itself: GCC 12 would broadcast it in one of its own,
// which costs a fifth of the speed where the code no longer fits the first-level cache.
// acc + x.even * w.even + x.odd * w.odd, modulo 2^32.
L1AD_INLINE i32 dot2(i32 acc, i32 x, const int32_t& w) {
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
  asm("vpdpwssd %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(x), "m"(w));
  return acc;
#elif defined(__AVX512BW__)
  return acc + (i32)_mm512_madd_epi16((__m512i)x, _mm512_set1_epi32(w));
#elif defined(__AVX2__)
  return acc + (i32)_mm256_madd_epi16((__m256i)x, _mm256_set1_epi32(w));
#elif defined(__SSE2__)
  return acc + (i32)_mm_madd_epi16((__m128i)x, _mm_set1_epi32(w));
#else
  return acc + even(x) * (int32_t)(int16_t)w + odd(x) * (w >> 16);
#endif
}

// acc + the four products of x's unsigned bytes with signed bytes; quads holds the bytes, pairs the same as (0, 2) and (1, 3).
L1AD_INLINE i32 dot4(i32 acc, i32 x, const int32_t* quads, const int32_t* pairs, int at) {
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
  (void)pairs;
  asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(x), "m"(quads[at]));
  return acc;
#else
  (void)quads;
  return dot2(dot2(acc, x & 0x00ff00ff, pairs[2 * at]), (x >> 8) & 0x00ff00ff, pairs[2 * at + 1]);
#endif
}

L1AD_INLINE i32 look_up(const int32_t* table, i32 index) {
  i32 found = {};
  for (int lane = 0; lane < LANES; ++lane) found[lane] = table[index[lane]];
  return found;
}
L1AD_INLINE i64 look_up(const int64_t* table, i32 index) {
  i64 found = {};
  for (int lane = 0; lane < LANES; ++lane) found[lane] = table[index[lane]];
  return found;
}

#if defined(L1AD_TRACED)
// Inner values of the block that was last scored.
int64_t kept[L1AD_TRACED][LANES];
L1AD_INLINE void keep(int at, i64 value) { std::memcpy(kept[at], &value, sizeof value); }
#endif

// Hide a table from the optimiser: weights are to be read (and broadcast) from memory, not moved in by immediates.
L1AD_INLINE const int32_t* from_memory(const int32_t* table) {
  asm("" : "+r"(table));
  return table;
}

// Bring one column pair of LANES rows into lanes; rows beyond the last count as zeros.
template <int COLUMNS, class T>
L1AD_INLINE void load_pairs(const T* rows, int n, i32* pairs) {
#if defined(__AVX512BW__)
  if (sizeof(T) == 2 && COLUMNS % 2 == 0 && n == LANES) {
    const __m512i row = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i index = _mm512_mullo_epi32(row, _mm512_set1_epi32(COLUMNS / 2));
    for (int k = 0; k < COLUMNS / 2; ++k) pairs[k] = (i32)_mm512_i32gather_epi32(index, (const int32_t*)rows + k, 4);
    return;
  }
#endif
  alignas(64) int16_t held[(COLUMNS + 1) / 2][LANES][2] = {};
  for (int lane = 0; lane < n; ++lane)
    for (int c = 0; c < COLUMNS; ++c) held[c / 2][lane][c % 2] = (int16_t)rows[lane * COLUMNS + c];
  std::memcpy((void*)pairs, held, sizeof held);
}

// The same for layouts with columns that do not fit 16 bits: one column a vector.
template <int COLUMNS, class T>
L1AD_INLINE void load_columns(const T* rows, int n, i32* columns) {
  alignas(64) int32_t held[COLUMNS][LANES] = {};
  for (int lane = 0; lane < n; ++lane)
    for (int c = 0; c < COLUMNS; ++c) held[c][lane] = (int32_t)rows[lane * COLUMNS + c];
  std::memcpy((void*)columns, held, sizeof held);
}

}  // namespace
