// Steps between the hardware integers and the network's types. Everything is exact until the assignment to a type with modes.
#ifndef L1AD_ARITHMETIC_H_
#define L1AD_ARITHMETIC_H_

#include "ap_fixed.h"
#include "ap_int.h"

// Copies the bits of one value to another of the same width; our own simulation moves whole words, where ranges go through a proxy.
#ifdef L1AD_SIMULATION
#define L1AD_COPY_BITS(to, from, width) (to).V = (from).V
#else
#define L1AD_COPY_BITS(to, from, width) (to).range((width) - 1, 0) = (from).range((width) - 1, 0)
#endif

namespace l1ad {

// The value of an integer divided by 2^SHIFT: the same bits, the binary point moved.
template <int WIDTH, int SHIFT> ap_fixed<WIDTH, WIDTH - SHIFT> shifted(const ap_int<WIDTH> &integer) {
    #pragma HLS INLINE
    ap_fixed<WIDTH, WIDTH - SHIFT> out;
    L1AD_COPY_BITS(out, integer, WIDTH);
    return out;
}

// The remainder of the floored division by PERIOD, for quotients from LOW to HIGH.
template <int PERIOD, int LOW, int HIGH, int WIDTH> ap_int<WIDTH> remainder(const ap_int<WIDTH> &value) {
    #pragma HLS INLINE
    ap_int<WIDTH> out = value;
    for (int quotient = LOW; quotient <= HIGH; quotient++) {
        #pragma HLS UNROLL
        const ap_int<WIDTH> start = quotient * PERIOD;
        const ap_int<WIDTH> end = (quotient + 1) * PERIOD;
        if (value >= start && value < end)
            out = value - start;
    }
    return out;
}

// A difference of angles brought nearer by one TURN where it is half a turn or more away; WIDTH holds twice the difference and the turn.
template <long long TURN, int WIDTH> ap_int<WIDTH> folded(const ap_int<WIDTH> &difference) {
    #pragma HLS INLINE
    const ap_int<WIDTH> turn = TURN;
    const ap_int<WIDTH> twice = difference << 1;
    ap_int<WIDTH> out = difference;
    if (twice < -turn)
        out = difference + turn;
    else if (twice >= turn)
        out = difference - turn;
    return out;
}

// The integer whose bits are those of a fixed-point value.
template <int WIDTH, class T> ap_int<WIDTH> signed_code(const T &value) {
    #pragma HLS INLINE
    ap_int<WIDTH> out;
    L1AD_COPY_BITS(out, value, WIDTH);
    return out;
}

template <int WIDTH, class T> ap_uint<WIDTH> unsigned_code(const T &value) {
    #pragma HLS INLINE
    ap_uint<WIDTH> out;
    L1AD_COPY_BITS(out, value, WIDTH);
    return out;
}

} // namespace l1ad

#endif
