// The loop over events and the C interface around the generated function ``block``.
#pragma once
#if defined(_OPENMP)
#include <omp.h>
#endif

namespace {

// Events below which one thread does the work: starting others costs more.
constexpr int64_t ALONE = 4096;

template <class T>
bool outside(const T* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    for (int c = 0; c < COLUMNS; ++c)
      if (x[i * COLUMNS + c] < LOW[c] || x[i * COLUMNS + c] > HIGH[c]) return true;
  return false;
}

template <class T>
int32_t run(const T* x, int64_t from, int64_t to, int64_t* scores) {
  i32 bad = {};
  for (int64_t i = from; i < to; i += LANES) {
    const int n = (int)(to - i < LANES ? to - i : LANES);
    i32 raw[PAIRED ? (COLUMNS + 1) / 2 : COLUMNS];
    i64 codes;
    if constexpr (PAIRED)
      load_pairs<COLUMNS>(x + i * COLUMNS, n, raw);
    else
      load_columns<COLUMNS>(x + i * COLUMNS, n, raw);
    block(raw, bad, codes);
    if (n == LANES)
      std::memcpy(scores + i, &codes, sizeof codes);
    else
      for (int lane = 0; lane < n; ++lane) scores[i + lane] = codes[lane];
  }
  int32_t any = 0;
  for (int lane = 0; lane < LANES; ++lane) any |= bad[lane];
  return any;
}

template <class T>
int score(const T* x, int64_t n, int64_t* scores, int threads) {
  // What is wider than the lanes is checked before it is narrowed; what is not is checked in the lanes.
  if (sizeof(T) > (PAIRED ? 2 : 4) && outside(x, n)) return 1;
  if (n <= ALONE || threads == 1) return run(x, 0, n, scores) != 0;
  int32_t any = 0;
  const int64_t part = 64 * LANES;
#if defined(_OPENMP)
#pragma omp parallel for schedule(dynamic, 2) reduction(| : any) num_threads(threads > 0 ? threads : omp_get_max_threads())
#endif
  for (int64_t i = 0; i < (n + part - 1) / part; ++i) any |= run(x, i * part, (i + 1) * part < n ? (i + 1) * part : n, scores);
  return any != 0;
}

}  // namespace

#define L1AD_JOIN_(a, b) a##b
#define L1AD_JOIN(a, b) L1AD_JOIN_(a, b)
#if !defined(L1AD_VARIANT)
#define L1AD_VARIANT
#endif
#define L1AD_NAME(name) L1AD_JOIN(name, L1AD_VARIANT)

extern "C" {
// Each gives 0, or 1 when a hardware integer is outside its column's range (the scores are then not to be used).
int L1AD_NAME(l1ad_score_int16)(const int16_t* x, int64_t n, int64_t* scores, int threads) { return score(x, n, scores, threads); }
int L1AD_NAME(l1ad_score_int32)(const int32_t* x, int64_t n, int64_t* scores, int threads) { return score(x, n, scores, threads); }
int L1AD_NAME(l1ad_score_int64)(const int64_t* x, int64_t n, int64_t* scores, int threads) { return score(x, n, scores, threads); }

// Name of the instructions that the scores are computed with.
const char* L1AD_NAME(l1ad_instructions)() { return L1AD_INSTRUCTIONS; }

#if defined(L1AD_TRACED)
// Score event by event; nodes takes L1AD_TRACED inner values each.
int L1AD_NAME(l1ad_trace)(const int64_t* x, int64_t n, int64_t* scores, int64_t* nodes) {
  if (outside(x, n)) return 1;
  for (int64_t i = 0; i < n; ++i) {
    run(x, i, i + 1, scores);
    for (int k = 0; k < L1AD_TRACED; ++k) nodes[i * L1AD_TRACED + k] = kept[k][0];
  }
  return 0;
}
#endif
}
