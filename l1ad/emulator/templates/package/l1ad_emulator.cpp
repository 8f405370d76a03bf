// The C interface: what this emulator is, and the choice of the fastest variant that the machine can run.
#include "l1ad_emulator.h"

#include "model_info.h"

#define L1AD_DECLARE(variant)                                                            \
  extern "C" int l1ad_score_int16_##variant(const int16_t*, int64_t, int64_t*, int);     \
  extern "C" int l1ad_score_int32_##variant(const int32_t*, int64_t, int64_t*, int);
L1AD_DECLARE(generic)
#if defined(__x86_64__)
L1AD_DECLARE(avx2)
L1AD_DECLARE(avx512)
#endif

namespace {

struct Variant {
  const char* name;
  int (*score16)(const int16_t*, int64_t, int64_t*, int);
  int (*score32)(const int32_t*, int64_t, int64_t*, int);
};

Variant choose() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni"))
    return {"avx512", l1ad_score_int16_avx512, l1ad_score_int32_avx512};
  if (__builtin_cpu_supports("avx2")) return {"avx2", l1ad_score_int16_avx2, l1ad_score_int32_avx2};
#endif
  return {"generic", l1ad_score_int16_generic, l1ad_score_int32_generic};
}

const Variant& chosen() {
  static const Variant variant = choose();
  return variant;
}

// What is compared with a threshold: the score, or what is left of it after what the threshold follows.
template <class T>
int64_t compared(int t, int64_t score, const T* x) {
  if (model::FOLLOW_SHIFT[t] < 0) return score;
  int64_t left = score * ((int64_t)1 << model::FOLLOW_SHIFT[t]);
  for (int c = 0; c < model::COLUMNS; ++c)
    left -= model::FOLLOW_WEIGHT[2 * t][c] * x[c] + model::FOLLOW_WEIGHT[2 * t + 1][c] * (x[c] != 0);
  return left;
}

template <class T>
int finish(int status, int64_t n, const T* x, const int64_t* scores, uint64_t* bits) {
  if (status != 0 || bits == nullptr) return status;
  for (int64_t i = 0; i < n; ++i) {
    bits[i] = 0;
    for (int t = 0; t < model::THRESHOLDS; ++t)
      bits[i] |= (uint64_t)(compared(t, scores[i], x + i * model::COLUMNS) >= model::THRESHOLD_VALUE[t]) << t;
  }
  return 0;
}

}  // namespace

extern "C" {

const char* l1ad_version(void) { return model::VERSION; }
const char* l1ad_digest(void) { return model::DIGEST; }
const char* l1ad_network(void) { return model::NETWORK; }
const char* l1ad_layout(void) { return model::LAYOUT; }
const char* l1ad_variant(void) { return chosen().name; }

int l1ad_columns(void) { return model::COLUMNS; }
const char* l1ad_column_name(int column) { return model::COLUMN_NAME[column]; }
int32_t l1ad_column_low(int column) { return model::COLUMN_LOW[column]; }
int32_t l1ad_column_high(int column) { return model::COLUMN_HIGH[column]; }

int l1ad_thresholds(void) { return model::THRESHOLDS; }
const char* l1ad_threshold_name(int threshold) { return model::THRESHOLD_NAME[threshold]; }
int64_t l1ad_threshold_value(int threshold) { return model::THRESHOLD_VALUE[threshold]; }

double l1ad_step(void) { return model::STEP; }

int l1ad_score16(const int16_t* x, int64_t n, int64_t* scores, uint64_t* bits, int threads) {
  return finish(chosen().score16(x, n, scores, threads), n, x, scores, bits);
}
int l1ad_score32(const int32_t* x, int64_t n, int64_t* scores, uint64_t* bits, int threads) {
  return finish(chosen().score32(x, n, scores, threads), n, x, scores, bits);
}

}  // extern "C"
