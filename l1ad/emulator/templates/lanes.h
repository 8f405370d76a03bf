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
// Which instructions are used: the best that the compiler was allowed, none beyond its own vectors with L1AD_PLAIN (as on other machines).
#if !defined(L1AD_PLAIN)
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
#define L1AD_VNNI
#define L1AD_INSTRUCTIONS "AVX-512 VNNI"
#elif defined(__AVX512BW__)
#define L1AD_INSTRUCTIONS "AVX-512"
#elif defined(__AVXVNNI__) && defined(__AVX2__)
#define L1AD_INSTRUCTIONS "AVX-VNNI"
#elif defined(__AVX2__)
#define L1AD_INSTRUCTIONS "AVX2"
#elif defined(__SSE4_1__)
#define L1AD_INSTRUCTIONS "SSE4.1"
#elif defined(__SSSE3__)
#define L1AD_INSTRUCTIONS "SSSE3"
#elif defined(__SSE2__)
#define L1AD_INSTRUCTIONS "SSE2"
#endif
#if defined(__AVX512BW__)
#define L1AD_AVX512
#elif defined(__AVX2__)
#define L1AD_AVX2
#elif defined(__SSE2__)
#define L1AD_SSE2
#endif
#endif
#if !defined(L1AD_INSTRUCTIONS)
#define L1AD_INSTRUCTIONS "the compiler's vectors"
#else
#include <immintrin.h>
#endif
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors wider than the machine's never cross a call: everything is inlined

namespace {

#if defined(L1AD_AVX512)
constexpr int LANES = 16;
#elif defined(L1AD_AVX2)
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

#if defined(L1AD_AVX512)
L1AD_INLINE i32 least(i32 a, i32 b) { return (i32)_mm512_min_epi32((__m512i)a, (__m512i)b); }
L1AD_INLINE i32 most(i32 a, i32 b) { return (i32)_mm512_max_epi32((__m512i)a, (__m512i)b); }
L1AD_INLINE i16 least(i16 a, i16 b) { return (i16)_mm512_min_epi16((__m512i)a, (__m512i)b); }
L1AD_INLINE i16 most(i16 a, i16 b) { return (i16)_mm512_max_epi16((__m512i)a, (__m512i)b); }
#elif defined(L1AD_AVX2)
L1AD_INLINE i32 least(i32 a, i32 b) { return (i32)_mm256_min_epi32((__m256i)a, (__m256i)b); }
L1AD_INLINE i32 most(i32 a, i32 b) { return (i32)_mm256_max_epi32((__m256i)a, (__m256i)b); }
L1AD_INLINE i16 least(i16 a, i16 b) { return (i16)_mm256_min_epi16((__m256i)a, (__m256i)b); }
L1AD_INLINE i16 most(i16 a, i16 b) { return (i16)_mm256_max_epi16((__m256i)a, (__m256i)b); }
#elif defined(L1AD_SSE2) && defined(__SSE4_1__)
L1AD_INLINE i32 least(i32 a, i32 b) { return (i32)_mm_min_epi32((__m128i)a, (__m128i)b); }
L1AD_INLINE i32 most(i32 a, i32 b) { return (i32)_mm_max_epi32((__m128i)a, (__m128i)b); }
L1AD_INLINE i16 least(i16 a, i16 b) { return (i16)_mm_min_epi16((__m128i)a, (__m128i)b); }
L1AD_INLINE i16 most(i16 a, i16 b) { return (i16)_mm_max_epi16((__m128i)a, (__m128i)b); }
#else
L1AD_INLINE i32 least(i32 a, i32 b) { return a < b ? a : b; }
L1AD_INLINE i32 most(i32 a, i32 b) { return a > b ? a : b; }
L1AD_INLINE i16 least(i16 a, i16 b) { return a < b ? a : b; }
L1AD_INLINE i16 most(i16 a, i16 b) { return a > b ? a : b; }
#endif
L1AD_INLINE i64 least(i64 a, i64 b) { return a < b ? a : b; }
L1AD_INLINE i64 most(i64 a, i64 b) { return a > b ? a : b; }

// Shift the even column right by one constant and the odd one by another; only AVX-512 has an instruction for that.
template <int EVEN, int ODD>
L1AD_INLINE i16 shift_pair(i16 x) {
#if defined(L1AD_AVX512)
  return x >> pair(EVEN, ODD);
#else
  return (i16)(((i32)(x >> EVEN) & 0xffff) | ((i32)(x >> ODD) & ~0xffff));
#endif
}

// In the next two the weight is an operand in memory, broadcast by the instruction itself: GCC 12 would broadcast it in one of its own,
// which costs a fifth of the speed where the code no longer fits the first-level cache.
// acc + x.even * w.even + x.odd * w.odd, modulo 2^32.
L1AD_INLINE i32 dot2(i32 acc, i32 x, const int32_t& w) {
#if defined(L1AD_VNNI)
  asm("vpdpwssd %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(x), "m"(w));
  return acc;
#elif defined(L1AD_AVX512)
  return acc + (i32)_mm512_madd_epi16((__m512i)x, _mm512_set1_epi32(w));
#elif defined(L1AD_AVX2)
  return acc + (i32)_mm256_madd_epi16((__m256i)x, _mm256_set1_epi32(w));
#elif defined(L1AD_SSE2)
  return acc + (i32)_mm_madd_epi16((__m128i)x, _mm_set1_epi32(w));
#else
  return acc + even(x) * (int32_t)(int16_t)w + odd(x) * (w >> 16);
#endif
}

// acc + the four products of x's unsigned bytes with signed bytes; quads holds the bytes, pairs the same as (0, 2) and (1, 3).
L1AD_INLINE i32 dot4(i32 acc, i32 x, const int32_t* quads, const int32_t* pairs, int at) {
#if defined(L1AD_VNNI)
  (void)pairs;
  asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(x), "m"(quads[at]));
  return acc;
#elif defined(L1AD_AVX2) && defined(__AVXVNNI__)
  (void)pairs;
  return (i32)_mm256_dpbusd_avx_epi32((__m256i)acc, (__m256i)x, _mm256_set1_epi32(quads[at]));
#else
  (void)quads;
  return dot2(dot2(acc, x & 0x00ff00ff, pairs[2 * at]), (x >> 8) & 0x00ff00ff, pairs[2 * at + 1]);
#endif
}

// The same where many such sums are proved to fit 16 bits in each half (bytes 0 and 1, bytes 2 and 3): they are added there and join the
// 32-bit sum at the end. Machines with an instruction for four products have no use for that.
#if defined(L1AD_VNNI) || (defined(L1AD_AVX2) && defined(__AVXVNNI__))
typedef i32 halves;
L1AD_INLINE halves open4(i32& acc) {
  const i32 sum = acc;
  acc = i32{};
  return sum;
}
L1AD_INLINE halves add4(halves sum, i32 x, const int32_t* quads, const int32_t* pairs, int at) {
  return dot4(sum, x, quads, pairs, at);
}
L1AD_INLINE i32 close4(i32 acc, halves sum) { return acc + sum; }
#else
typedef i16 halves;
L1AD_INLINE halves open4(i32&) { return i16{}; }
L1AD_INLINE halves add4(halves sum, i32 x, const int32_t* quads, const int32_t* pairs, int at) {
#if defined(L1AD_AVX512)
  (void)pairs;
  return sum + (i16)_mm512_maddubs_epi16((__m512i)x, _mm512_set1_epi32(quads[at]));
#elif defined(L1AD_AVX2)
  (void)pairs;
  return sum + (i16)_mm256_maddubs_epi16((__m256i)x, _mm256_set1_epi32(quads[at]));
#elif defined(L1AD_SSE2) && defined(__SSSE3__)
  (void)pairs;
  return sum + (i16)_mm_maddubs_epi16((__m128i)x, _mm_set1_epi32(quads[at]));
#else
  (void)quads;
  sum += (i16)(x & 0x00ff00ff) * (i16)splat(pairs[2 * at]);
  return sum + (i16)((x >> 8) & 0x00ff00ff) * (i16)splat(pairs[2 * at + 1]);
#endif
}
L1AD_INLINE i32 close4(i32 acc, halves sum) {
#if defined(L1AD_AVX512) || defined(L1AD_AVX2) || defined(L1AD_SSE2)
  static const int32_t ones = 0x00010001;
  return dot2(acc, (i32)sum, ones);
#else
  return acc + even((i32)sum) + odd((i32)sum);
#endif
}
#endif

// Products of integers of 16 bits, in 32-bit lanes.
L1AD_INLINE i32 product16(i32 a, i32 b) {
#if defined(L1AD_AVX512)
  return (i32)_mm512_madd_epi16((__m512i)(a & 0xffff), (__m512i)b);
#elif defined(L1AD_AVX2)
  return (i32)_mm256_madd_epi16((__m256i)(a & 0xffff), (__m256i)b);
#elif defined(L1AD_SSE2)
  return (i32)_mm_madd_epi16((__m128i)(a & 0xffff), (__m128i)b);
#else
  return a * b;
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

// Four neighbouring words of rows ROW, ROW + 4, ROW + 8 ..., side by side.
L1AD_INLINE i32 four_words(const int16_t* row, int stride) {
#if defined(L1AD_AVX512)
  __m512i words = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i*)row));
  words = _mm512_inserti32x4(words, _mm_loadu_si128((const __m128i*)(row + 4 * stride)), 1);
  words = _mm512_inserti32x4(words, _mm_loadu_si128((const __m128i*)(row + 8 * stride)), 2);
  return (i32)_mm512_inserti32x4(words, _mm_loadu_si128((const __m128i*)(row + 12 * stride)), 3);
#elif defined(L1AD_AVX2)
  const __m256i words = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i*)row));
  return (i32)_mm256_inserti128_si256(words, _mm_loadu_si128((const __m128i*)(row + 4 * stride)), 1);
#else
  (void)stride;
  i32 words;
  std::memcpy(&words, row, sizeof words);
  return words;
#endif
}

// Words 0 and 1 (or 2 and 3) of a and b in turn, in every four; then the same of two words at a time.
#if defined(L1AD_AVX512)
L1AD_INLINE i32 low_words(i32 a, i32 b) { return (i32)_mm512_unpacklo_epi32((__m512i)a, (__m512i)b); }
L1AD_INLINE i32 high_words(i32 a, i32 b) { return (i32)_mm512_unpackhi_epi32((__m512i)a, (__m512i)b); }
L1AD_INLINE i32 low_twos(i32 a, i32 b) { return (i32)_mm512_unpacklo_epi64((__m512i)a, (__m512i)b); }
L1AD_INLINE i32 high_twos(i32 a, i32 b) { return (i32)_mm512_unpackhi_epi64((__m512i)a, (__m512i)b); }
#elif defined(L1AD_AVX2)
L1AD_INLINE i32 low_words(i32 a, i32 b) { return (i32)_mm256_unpacklo_epi32((__m256i)a, (__m256i)b); }
L1AD_INLINE i32 high_words(i32 a, i32 b) { return (i32)_mm256_unpackhi_epi32((__m256i)a, (__m256i)b); }
L1AD_INLINE i32 low_twos(i32 a, i32 b) { return (i32)_mm256_unpacklo_epi64((__m256i)a, (__m256i)b); }
L1AD_INLINE i32 high_twos(i32 a, i32 b) { return (i32)_mm256_unpackhi_epi64((__m256i)a, (__m256i)b); }
#else
#if defined(__clang__)
#define L1AD_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define L1AD_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, i32{__VA_ARGS__})
#endif
L1AD_INLINE i32 low_words(i32 a, i32 b) { return L1AD_SHUFFLE(a, b, 0, 4, 1, 5); }
L1AD_INLINE i32 high_words(i32 a, i32 b) { return L1AD_SHUFFLE(a, b, 2, 6, 3, 7); }
L1AD_INLINE i32 low_twos(i32 a, i32 b) { return L1AD_SHUFFLE(a, b, 0, 1, 4, 5); }
L1AD_INLINE i32 high_twos(i32 a, i32 b) { return L1AD_SHUFFLE(a, b, 2, 3, 6, 7); }
#endif

// Bring LANES rows of 16-bit columns into lanes, four words at a time, by transposing them in registers.
template <int COLUMNS>
L1AD_INLINE void transpose(const int16_t* rows, i32* pairs) {
  constexpr int words = COLUMNS / 2;
  for (int block = 0; block < (words + 3) / 4; ++block) {
    const int first = 4 * block + 4 <= words ? 4 * block : words - 4;  // the last block covers some words again
    const int16_t* row = rows + 2 * first;
    const i32 a = four_words(row, COLUMNS), b = four_words(row + COLUMNS, COLUMNS);
    const i32 c = four_words(row + 2 * COLUMNS, COLUMNS), d = four_words(row + 3 * COLUMNS, COLUMNS);
    const i32 ab = low_words(a, b), cd = low_words(c, d), ef = high_words(a, b), gh = high_words(c, d);
    pairs[first] = low_twos(ab, cd);
    pairs[first + 1] = high_twos(ab, cd);
    pairs[first + 2] = low_twos(ef, gh);
    pairs[first + 3] = high_twos(ef, gh);
  }
  if (COLUMNS % 2) {
    int32_t last[LANES];
    for (int lane = 0; lane < LANES; ++lane) last[lane] = (uint16_t)rows[lane * COLUMNS + COLUMNS - 1];
    std::memcpy(&pairs[words], last, sizeof last);
  }
}

// Bring column pairs of LANES rows into lanes; rows beyond the last count as zeros.
template <int COLUMNS, class T>
L1AD_INLINE void load_pairs(const T* rows, int n, i32* pairs) {
  if (sizeof(T) == 2 && COLUMNS >= 8 && n == LANES) {
    transpose<COLUMNS>((const int16_t*)rows, pairs);
    return;
  }
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
